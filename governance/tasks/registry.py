"""The kinds of task there are: a name, a schema for the payload, and the function that does the work.

Writing a new one is a module with one decorated function and its name in `JUGGERNAUT_TASK_TYPES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from pydantic import BaseModel

from governance.errors import GovernanceError


class UnknownTaskType(GovernanceError):
    """Nothing is registered under this name. The text lists what is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown task type {name!r}; expected one of: {', '.join(sorted(_types))}")
        self.name = name


@dataclass(frozen=True, slots=True)
class TaskType:
    """A kind of task. `run(payload, context)` gets the validated payload and answers a pydantic model
    or a JSON object; it may be `async` (runs on the event loop) or plain (runs in a thread).

    `worker` is who gets the task when the submitter names nobody; `timeout_seconds` bounds one attempt.
    """

    name: str
    schema: type[BaseModel]
    run: Callable[[Any, Any], Any]
    worker: str
    timeout_seconds: int
    max_attempts: int
    is_async: bool


_types: dict[str, TaskType] = {}


def register(
    name: str,
    *,
    schema: type[BaseModel],
    worker: str = "EXECUTOR",
    timeout_seconds: int = 300,
    max_attempts: int = 3,
) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Register the decorated function as the work of task type `name`; a name can be taken once."""

    def decorate(run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        taken = _types.get(name)
        if taken and taken.run.__module__ != run.__module__:
            raise ValueError(f"two modules register {name!r}: {taken.run.__module__}, {run.__module__}")
        is_async = iscoroutinefunction(run)
        _types[name] = TaskType(name, schema, run, worker, timeout_seconds, max_attempts, is_async)
        return run

    return decorate


def get(name: str) -> TaskType:
    """The task type of this name; raises `UnknownTaskType`, which lists the known ones."""
    try:
        return _types[name]
    except KeyError:
        raise UnknownTaskType(name) from None


def known() -> list[TaskType]:
    """Every registered task type, by name."""
    return [_types[name] for name in sorted(_types)]
