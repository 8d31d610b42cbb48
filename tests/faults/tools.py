"""A tool with an outside effect that can be counted: it writes down when it began and when it had ended."""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from reliability.door.terms import Passage
from workers import tools

SECONDS = 0.3


class Line(BaseModel):
    """Where to write, and what else."""

    model_config = ConfigDict(extra="forbid")

    journal: Path
    number: int


@tools.register("journal.write", schema=Line, seconds=10, effect="outside", on_unknown="retry")
async def write(arguments: Line, passage: Passage) -> dict[str, Any]:
    """Write a line into a journal."""
    _note(arguments, f"began {passage.execution_id}")
    await asyncio.sleep(SECONDS)
    _note(arguments, f"ended {passage.execution_id}")
    return {"written": True}


def _note(arguments: Line, line: str) -> None:
    with arguments.journal.open("a") as journal:
        journal.write(f"{line}\n")
