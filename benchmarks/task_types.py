"""Task types for measuring and for tests of faults: they do nothing, wait, or misbehave on purpose."""

import asyncio
import os
import signal
import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from governance.tasks import registry as task_types
from reliability.failures import PermanentFailure, TransientFailure


class NoPayload(BaseModel):
    """A task type without arguments."""

    model_config = ConfigDict(extra="forbid")


class Span(BaseModel):
    """How long to wait, in seconds."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(ge=0, le=3600)


class Misdeed(BaseModel):
    """How to fail."""

    model_config = ConfigDict(extra="forbid")

    how: Literal["kill", "permanent", "transient", "block"]


@task_types.register("noop", schema=NoPayload, max_attempts=3)
async def noop(payload: NoPayload, context: Any) -> dict[str, bool]:
    """Nothing: what is left is the cost of reliability."""
    return {"done": True}


@task_types.register("noop_plain", schema=NoPayload)
def noop_plain(payload: NoPayload, context: Any) -> dict[str, bool]:
    """Nothing, in a thread."""
    return {"done": True}


@task_types.register("wait", schema=Span)
async def wait(payload: Span, context: Any) -> dict[str, float]:
    """Waits as a call to a slow service would."""
    await asyncio.sleep(payload.seconds)
    return {"waited": payload.seconds}


@task_types.register("wait_plain", schema=Span)
def wait_plain(payload: Span, context: Any) -> dict[str, float]:
    """Waits in a thread and looks twenty times a second whether it was stopped."""
    until = time.monotonic() + payload.seconds
    while time.monotonic() < until:
        context.check()
        time.sleep(0.05)
    return {"waited": payload.seconds}


@task_types.register("misbehave", schema=Misdeed)
async def misbehave(payload: Misdeed, context: Any) -> None:
    """Fails as told: kills its own process, blocks the event loop, or raises."""
    match payload.how:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "block":
            time.sleep(3600)  # noqa: ASYNC251 blocking the loop is the misdeed
        case "permanent":
            raise PermanentFailure("it was told to fail for good")
        case "transient":
            raise TransientFailure("connection reset by peer")
