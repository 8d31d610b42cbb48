"""Task types that run until the test lets them end, and write down every run.

`place` is a folder of the test: each run appends a line to `runs`, and ends once `open` exists.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from governance.tasks import registry as task_types
from tests.polling import until

LOOK_SECONDS = 0.2


class Place(BaseModel):
    """Where the gate and the journal of a test are."""

    model_config = ConfigDict(extra="forbid")

    place: Path


class Sum(BaseModel):
    """Numbers to add up, and where to write down that it was done."""

    model_config = ConfigDict(extra="forbid")

    place: Path
    numbers: list[int]


@task_types.register("hold", schema=Place, timeout_seconds=600)
async def hold(payload: Place, context: Any) -> dict[str, int]:
    """Waits for the gate as for a slow service."""
    _note(payload, context)
    while not is_open(payload.place):  # noqa: ASYNC110 what opens it is another process
        await asyncio.sleep(LOOK_SECONDS)
    return {"attempt": context.attempt}


@task_types.register("hold_plain", schema=Place, timeout_seconds=600)
def hold_plain(payload: Place, context: Any) -> dict[str, int]:
    """Waits for the gate in a thread, and never looks whether it was stopped."""
    _note(payload, context)
    until(lambda: is_open(payload.place), timeout=600, every=LOOK_SECONDS, what="the gate's opening")
    return {"attempt": context.attempt}


def is_open(place: Path) -> bool:
    """Whether the tasks of this place may end."""
    return (place / "open").exists()


def _note(payload: Place | Sum, context: Any) -> None:
    """One write, so that lines of several processes never mix."""
    line = f"{context.task_id} {context.attempt} {os.getpid()}\n"
    with (payload.place / "runs").open("a") as journal:
        journal.write(line)


@task_types.register("add", schema=Sum, timeout_seconds=600)
async def add(payload: Sum, context: Any) -> dict[str, int]:
    """Takes a moment, so that a process that dies has many of them in flight."""
    _note(payload, context)
    await asyncio.sleep(LOOK_SECONDS)
    return {"sum": sum(payload.numbers)}
