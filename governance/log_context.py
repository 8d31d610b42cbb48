"""Which task the running code works for, so that every log line can say it.

It is a context variable: each asyncio task has its own, and `asyncio.to_thread` takes it along. Other
executors do not; hand them `contextvars.copy_context().run`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_task_id: ContextVar[UUID | str | None] = ContextVar("juggernaut_task_id", default=None)


@contextmanager
def task(task_id: UUID | str) -> Iterator[None]:
    """Name this task in every line that is logged inside the block."""
    before = _task_id.set(task_id)
    try:
        yield
    finally:
        _task_id.reset(before)


def current_task() -> UUID | str | None:
    """The task that the running code works for, if it works for one."""
    return _task_id.get()
