"""Calls of tools as a task makes them: through the call pipeline."""

import asyncio
from typing import Any

from governance.models import ToolExecution
from reliability.engine.context import TaskContext
from workers import tools


def call(context: TaskContext, name: str, **arguments: Any) -> Any:
    """What the tool answers, or the failure that the task gets."""
    return asyncio.run(tools.call(context, name, arguments))


def last() -> ToolExecution:
    """The latest call on record."""
    return ToolExecution.objects.order_by("-id")[0]
