"""Tools with an effect outside that can be counted: a line of a journal when one began, and at its effect.

Where a file says so, a call waits before its effect or behind it, for a test to kill its process there.
"""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from reliability.calls.types import CallPermit
from workers import tools

BEGAN, DONE = "began", "done"


class Line(BaseModel):
    """Where to write, and what else."""

    model_config = ConfigDict(extra="forbid")

    journal: Path
    number: int

    def gate(self, at: str) -> Path:
        """While this file is there, calls of this number wait when they have written this line."""
        return self.journal.with_name(f"{self.journal.name}-{at}-{self.number}")


@tools.register("journal.write", schema=Line, seconds=60, effect="outside", on_unknown="retry")
async def write(arguments: Line, permit: CallPermit) -> dict[str, Any]:
    """Write a line into a journal."""
    return await _write(arguments, permit)


@tools.register("journal.post", schema=Line, seconds=60, effect="outside", on_unknown="ask")
async def post(arguments: Line, permit: CallPermit) -> dict[str, Any]:
    """Write a line into a journal that must not be written twice."""
    return await _write(arguments, permit)


async def _write(arguments: Line, permit: CallPermit) -> dict[str, Any]:
    for at in (BEGAN, DONE):
        with arguments.journal.open("a") as journal:
            journal.write(f"{at} {arguments.number} {permit.execution_id}\n")
        while arguments.gate(at).exists():  # noqa: ASYNC110 another process removes it
            await asyncio.sleep(0.02)
    return {"written": arguments.number}
