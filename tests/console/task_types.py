"""Work of the operator's day: a task that fails until a key is there, and one that waits for it."""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from governance.tasks import registry as task_types
from reliability.failures import PermanentFailure

LOOK_SECONDS = 0.2


class Door(BaseModel):
    """Where the key would lie."""

    model_config = ConfigDict(extra="forbid")

    key: Path


@task_types.register("open_door", schema=Door, timeout_seconds=60)
async def open_door(payload: Door, context: Any) -> dict[str, bool]:
    """Fails for good while there is no key."""
    if not payload.key.exists():
        raise PermanentFailure("the credentials of the call pipeline have expired")
    return {"opened": True}


@task_types.register("wait_at_door", schema=Door, timeout_seconds=600)
async def wait_at_door(payload: Door, context: Any) -> dict[str, bool]:
    """Waits until there is a key."""
    while not payload.key.exists():  # noqa: ASYNC110 who puts it there is another process
        await asyncio.sleep(LOOK_SECONDS)
    return {"opened": True}
