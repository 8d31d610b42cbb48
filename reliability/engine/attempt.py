"""One attempt at one task: from the claimed row to what is to be reported about it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from django.db import close_old_connections
from pydantic import BaseModel, ValidationError

from governance import log_context, task_types
from governance.claims import Claimed
from governance.submission import field_errors
from governance.task_types import TaskType
from reliability import retry
from reliability.engine.context import TaskContext
from reliability.engine.threads import Threads
from reliability.failures import DeadlinePassed, PermanentFailure, TransientFailure

logger = logging.getLogger(__name__)

MAX_RESULT_BYTES = 256 * 1024
MAX_ERROR_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Completed:
    """`result` is JSON text."""

    result: bytes


@dataclass(frozen=True, slots=True)
class RetryLater:
    error: str
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """`failure` is what `Report.failure` takes: why the task is given up."""

    error: str
    failure: dict[str, str]


Ending = Completed | RetryLater | Failed
OnLate = Callable[[Claimed, bytes], None]


async def run(task: Claimed, context: TaskContext, *, threads: Threads, on_late: OnLate) -> Ending:
    """Carry the task out once and say how it ended. Only `CancelledError` leaves this function.

    `on_late` gets the result of a plain function that came back after its task was over.
    """
    try:
        return Completed(await _answer(task, context, threads, on_late))
    except Exception as error:  # noqa: BLE001 the outer loop of all task types: it is how they ended
        return _ending(task, error)


async def _answer(task: Claimed, context: TaskContext, threads: Threads, on_late: OnLate) -> bytes:
    kind = _kind(task)
    payload = _payload(kind, task)
    limit = _limit(task)
    try:
        async with asyncio.timeout(limit) as clock:
            if kind.is_async:
                return encode(await kind.run(payload, context))
            plain: bytes = await threads.call(
                lambda: _run_plain(kind, payload, context), on_late=lambda result: on_late(task, result)
            )
            return plain
    except TimeoutError:
        if not clock.expired():
            raise
        context.is_stopped = True
        raise _too_late(task, limit) from None


def _kind(task: Claimed) -> TaskType:
    try:
        return task_types.get(task.task_type)
    except task_types.UnknownTaskType as unknown:
        raise PermanentFailure(str(unknown)) from None


def _payload(kind: TaskType, task: Claimed) -> BaseModel:
    try:
        return kind.schema.model_validate_json(task.payload)
    except ValidationError as invalid:
        found = "; ".join(f"{error.field}: {error.message}" for error in field_errors(invalid, "payload"))
        raise PermanentFailure(f"bad payload: {found}") from None


def _limit(task: Claimed) -> float:
    limit = float(task.timeout_seconds)
    return limit if task.deadline_in is None else min(limit, task.deadline_in)


def _too_late(task: Claimed, limit: float) -> Exception:
    if task.deadline_in is not None and task.deadline_in <= limit:
        return DeadlinePassed("its deadline passed while it ran")
    return TransientFailure(f"timed out after {limit:g} s")


def _run_plain(kind: TaskType, payload: BaseModel, context: TaskContext) -> bytes:
    """In a thread of the pool, whose Django connection is its own and must not outlive a broken server."""
    close_old_connections()
    try:
        with log_context.task(context.task_id):
            context.check()
            return encode(kind.run(payload, context))
    finally:
        close_old_connections()


def encode(answer: object) -> bytes:
    """The answer of a task type as JSON text; raises `PermanentFailure` for what cannot be stored."""
    try:
        text = answer.model_dump_json().encode() if isinstance(answer, BaseModel) else orjson.dumps(answer)
    except (TypeError, ValueError) as error:
        raise PermanentFailure(f"its result is not JSON: {error}") from error
    if len(text) > MAX_RESULT_BYTES:
        raise PermanentFailure(f"its result has {len(text)} bytes; at most {MAX_RESULT_BYTES} can be stored")
    if b"\\u0000" in text:
        raise PermanentFailure("its result holds a NUL character, which PostgreSQL cannot store")
    return text


def _ending(task: Claimed, error: Exception) -> Ending:
    text = _describe(error)
    decision = retry.decide(error, error_attempts=task.error_attempts, max_attempts=task.max_attempts)
    with log_context.task(task.id):
        if isinstance(decision, retry.Again):
            logger.warning(
                "attempt %d failed, next in %.1f s: %s", task.attempt, decision.delay_seconds, text
            )
            return RetryLater(text, decision.delay_seconds)
        logger.error("failed after %d attempts: %s", task.attempt, text, exc_info=_unexpected(error))
    return Failed(text, {"cause": _cause(error), "error_class": type(error).__name__})


def _cause(error: Exception) -> str:
    if isinstance(error, DeadlinePassed):
        return "deadline"
    return "permanent" if isinstance(error, PermanentFailure) else "attempts"


def _describe(error: Exception) -> str:
    known = isinstance(error, PermanentFailure | TransientFailure)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    return text.replace("\x00", "�")[:MAX_ERROR_CHARS]


def _unexpected(error: Exception) -> Exception | None:
    """Errors that a task type raised on purpose need no traceback."""
    return None if isinstance(error, PermanentFailure | TransientFailure) else error
