"""One attempt without a database: a claimed task made by hand, carried out on an event loop of its own."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from governance.tasks import registry as task_types
from governance.tasks.transitions.types import ClaimedTask
from reliability.engine import attempt
from reliability.engine.context import TaskContext
from reliability.engine.threads import Threads

THREADS = 2


class Anything(BaseModel, extra="allow"):
    """A payload of which nothing is asked."""


def claimed(**facts: Any) -> ClaimedTask:
    """A first attempt, just claimed."""
    fresh = ClaimedTask(
        id=uuid4(),
        task_type="noop",
        payload="{}",
        worker_id="EXECUTOR",
        attempt=1,
        error_attempts=0,
        max_attempts=3,
        token=1,
        timeout_seconds=300,
        deadline_in=None,
    )
    return fresh._replace(**facts)


@contextlib.contextmanager
def task_type(
    run: Callable[[Any, Any], Any], *, schema: type[BaseModel] = Anything, name: str = "under test"
) -> Iterator[None]:
    """A task type that exists for the length of one test."""
    task_types.register(name, schema=schema)(run)
    try:
        yield
    finally:
        del task_types._types[name]


def context_of(task: ClaimedTask) -> TaskContext:
    return TaskContext(
        task_id=task.id,
        worker_id=task.worker_id,
        attempt=task.attempt,
        crash_attempts=task.crash_attempts,
    )


def carry_out(run: Callable[[Any, Any], Any], **facts: Any) -> attempt.Ending:
    """How one attempt at a task of this kind ends."""
    task = claimed(**({"task_type": "under test"} | facts))
    with task_type(run):
        return asyncio.run(_attempt(task))


def answering(answer: Any) -> attempt.Ending:
    """How the attempt ends whose function returns this."""

    async def answer_it(payload: Any, context: Any) -> Any:
        return answer

    return carry_out(answer_it)


def raising(error: BaseException, **facts: Any) -> attempt.Ending:
    """How the attempt ends whose function raises this."""

    async def raise_it(payload: Any, context: Any) -> None:
        raise error

    return carry_out(raise_it, **facts)


async def _attempt(task: ClaimedTask) -> attempt.Ending:
    threads = Threads(THREADS)
    try:
        return await attempt.run(task, context_of(task), threads=threads, on_late=lambda task, result: None)
    finally:
        threads.close()
