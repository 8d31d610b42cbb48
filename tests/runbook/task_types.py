"""Task types for the runbook's incidents: what fails while something is broken, and what eats memory.

`place` is a folder of the test, in which files say how things stand.
"""

import asyncio
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict

from governance.tasks import registry as task_types
from reliability.failures import PermanentFailure, TransientFailure

LOOK_SECONDS = 0.2
MEBIBYTE = 1024 * 1024


class Place(BaseModel):
    """Where the files of a test are."""

    model_config = ConfigDict(extra="forbid")

    place: Path


class Hoard(Place):
    """How large its process is to become, in MiB."""

    mebibytes: int


@task_types.register("needs_network", schema=Place, max_attempts=1)
async def needs_network(payload: Place, context: Any) -> dict[str, bool]:
    """Fails as long as there is no network, as far as the file `no-network` says."""
    if (payload.place / "no-network").exists():
        raise TransientFailure("connection reset by peer")
    return {"done": True}


@task_types.register("needs_key", schema=Place, max_attempts=1)
async def needs_key(payload: Place, context: Any) -> dict[str, bool]:
    """Fails for good, as somebody without credentials does."""
    raise PermanentFailure("Error code: 401 - wrong key")


@task_types.register("hoard", schema=Hoard, timeout_seconds=3600)
async def hoard(payload: Hoard, context: Any) -> dict[str, int]:
    """Takes memory until its process is so large, and keeps it until the file `release` is there."""
    kept = []
    while psutil.Process().memory_info().rss < payload.mebibytes * MEBIBYTE:
        kept.append(bytearray(b"x" * MEBIBYTE))
    while not (payload.place / "release").exists():  # noqa: ASYNC110 what makes it is another process
        await asyncio.sleep(LOOK_SECONDS)
    return {"mebibytes": len(kept)}
