"""One attempt at one task: from the claimed row to what is to be reported about it."""

import asyncio
import logging
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import orjson
from django.db import close_old_connections
from pydantic import BaseModel, ValidationError

from governance import log_context
from governance.audit import redaction
from governance.db import locks
from governance.tasks import registry as task_types
from governance.tasks import waits
from governance.tasks.registry import TaskType
from governance.tasks.schemas import field_errors
from governance.tasks.transitions.types import ClaimedTask
from governance.tasks.waits import Wait
from reliability.engine import backoff
from reliability.engine.context import TaskContext
from reliability.engine.threads import Threads
from reliability.failures import (
    DeadlinePassed,
    Denied,
    PermanentFailure,
    Postponed,
    TaskFailure,
    TransientFailure,
)

logger = logging.getLogger(__name__)

MAX_RESULT_BYTES = 256 * 1024
MAX_ERROR_CHARS = 4000
# `\u0000`, but not `\\u0000`, which is an escaped backslash and text.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


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
    """`failure` is what `AttemptReport.failure` takes: why the task is given up."""

    error: str
    failure: dict[str, str]


@dataclass(frozen=True, slots=True)
class Parked:
    """It cannot go on until what it waits for has come; the attempt does not count."""

    wait: Wait


Ending = Completed | RetryLater | Failed | Parked
OnLate = Callable[[ClaimedTask, bytes], None]


async def run(task: ClaimedTask, context: TaskContext, *, threads: Threads, on_late: OnLate) -> Ending:
    """Carry the task out once and say how it ended.

    Only the `CancelledError` of somebody who cancels this very call leaves this function.

    `on_late` gets the result of a plain function that came back after its task was over.
    """
    try:
        return Completed(await _answer(task, context, threads, on_late))
    except asyncio.CancelledError as cancelled:
        if _is_being_cancelled():
            raise
        return _ending(task, cancelled)
    except (Exception, SystemExit) as error:  # noqa: BLE001 the outer loop of all task types: it is how they ended
        return _ending(task, error)


def _is_being_cancelled() -> bool:
    """False when a `CancelledError` came from within: from something that the task type awaited."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


async def _answer(task: ClaimedTask, context: TaskContext, threads: Threads, on_late: OnLate) -> bytes:
    kind = _kind(task)
    payload = _payload(kind, task)
    begin = partial(_begin, task, context)
    try:
        async with asyncio.timeout(task.deadline_in) as clock:
            deadline = clock.when()
            if kind.is_async:
                begin(clock)
                return encode(await kind.run(payload, context))
            # The threads may all be taken: its time runs from when one of them takes it up.
            begin_soon = partial(asyncio.get_running_loop().call_soon_threadsafe, begin, clock)
            plain: bytes = await threads.call(
                lambda: _run_plain(kind, payload, context, begin_soon),
                on_late=lambda result: on_late(task, result),
            )
            return plain
    except TimeoutError:
        if not clock.expired():
            raise
        context.is_stopped = True
        if clock.when() == deadline:
            raise DeadlinePassed("its deadline passed while it ran") from None
        raise TransientFailure(f"timed out after {task.timeout_seconds:g} s") from None


def _begin(task: ClaimedTask, context: TaskContext, clock: asyncio.Timeout) -> None:
    """Set the clock to the attempt's own limit, unless the deadline is nearer or the attempt is over."""
    end, deadline = asyncio.get_running_loop().time() + task.timeout_seconds, clock.when()
    context.ends_at = end if deadline is None else min(end, deadline)
    if not (context.is_stopped or clock.expired()) and context.ends_at != deadline:
        clock.reschedule(end)


def _kind(task: ClaimedTask) -> TaskType:
    try:
        return task_types.get(task.task_type)
    except task_types.UnknownTaskType as unknown:
        raise PermanentFailure(str(unknown)) from None


def _payload(kind: TaskType, task: ClaimedTask) -> BaseModel:
    try:
        return kind.schema.model_validate_json(task.payload)
    except ValidationError as invalid:
        errors = field_errors(invalid, "payload", said=_readable(task.payload))
        found = "; ".join(f"{error.field}: {error.message}" for error in errors)
        raise PermanentFailure(f"bad payload: {found}") from None


def _readable(payload: str) -> object:
    """The payload as a value; None if it was typed in SQL and is nested too deeply, or holds too large a
    number."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def _run_plain(
    kind: TaskType, payload: BaseModel, context: TaskContext, begin_soon: Callable[[], object]
) -> bytes:
    """In a thread of the pool, whose Django connection is its own and must not outlive a broken server."""
    close_old_connections()
    try:
        with log_context.task(context.task_id):
            context.check()
            begin_soon()
            return encode(kind.run(payload, context))
    finally:
        close_old_connections()


def encode(answer: object) -> bytes:
    """The answer of a task type as JSON text; raises `PermanentFailure` for what cannot be stored."""
    try:
        value = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
        text = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise PermanentFailure(f"its result is not JSON: {error}") from error
    # orjson writes numbers that JSON does not know as null: nobody could tell them from nothing.
    if b"null" in text and _has_unknown_number(value):
        raise PermanentFailure("its result is not JSON: it holds a number that is not finite")
    if len(text) > MAX_RESULT_BYTES:
        raise PermanentFailure(f"its result has {len(text)} bytes; at most {MAX_RESULT_BYTES} can be stored")
    if _ESCAPED_NUL.search(text):
        raise PermanentFailure("its result holds a NUL character, which PostgreSQL cannot store")
    return text


def _has_unknown_number(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_unknown_number, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_unknown_number, value))
    return isinstance(value, float) and not math.isfinite(value)


def _ending(task: ClaimedTask, error: BaseException) -> Ending:
    if postponed := _postponed(error):
        with log_context.task(task.id):
            logger.info("waits: %s", postponed)
        return Parked(postponed.wait)
    if locks.is_timeout(error):
        with log_context.task(task.id):
            logger.warning("waits: a statement of it met a lock that somebody else holds")
        return Parked(waits.for_lock("database rows", "a statement of it was given up"))
    text = _describe(error)
    decision = backoff.decide(error, error_attempts=task.error_attempts, max_attempts=task.max_attempts)
    with log_context.task(task.id):
        if isinstance(decision, backoff.Again):
            logger.warning(
                "attempt %d failed, next in %.1f s: %s", task.attempt, decision.delay_seconds, text
            )
            return RetryLater(text, decision.delay_seconds)
        logger.error("failed after %d attempts: %s", task.attempt, text, exc_info=_unexpected(error))
    return Failed(text, {"cause": _cause(error), "error_class": type(error).__name__} | _failed_call(error))


def _postponed(error: BaseException) -> Postponed | None:
    """The error itself, or the first of a task group's in which nothing else went wrong."""
    if isinstance(error, Postponed):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_postponed(one) for one in error.exceptions]
        return found[0] if all(found) else None
    return None


def _failed_call(error: BaseException) -> dict[str, str]:
    if not isinstance(error, TaskFailure):
        return {}
    named = {"tool_name": error.tool_name, "service": error.service}
    return {name: value for name, value in named.items() if value}


def _cause(error: BaseException) -> str:
    if isinstance(error, DeadlinePassed):
        return "deadline"
    if isinstance(error, Denied):
        return "denied"
    return "permanent" if isinstance(error, PermanentFailure) else "attempts"


def _describe(error: BaseException) -> str:
    """What the error says, without secrets, as text that PostgreSQL can store."""
    known = isinstance(error, PermanentFailure | TransientFailure)
    text = _message(error) if known else f"{type(error).__name__}: {_message(error)}"
    shown = redaction.hide(text[: 2 * MAX_ERROR_CHARS])[:MAX_ERROR_CHARS]
    return shown.replace("\x00", "�").encode(errors="replace").decode()


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as mute:  # noqa: BLE001 an exception of foreign code may be broken in any way
        return f"(its message cannot be read: {type(mute).__name__})"


def _unexpected(error: BaseException) -> BaseException | None:
    """Errors that a task type raised on purpose need no traceback."""
    return None if isinstance(error, PermanentFailure | TransientFailure) else error
