"""Waiting for locks of the database: never longer than said, and never for the whole process.

Anybody may hold a lock: a psql session with an open transaction, a long UPDATE. Work in sets takes the rows
that are free (`SKIP LOCKED`). Everything else waits at most as long as its process (`begin`) or its block
(`wait_at_most`) allows; then PostgreSQL ends the statement, and `is_timeout` knows the error.

The limit goes in front of each statement, in the same message (`SET LOCAL …; SELECT …`): that costs no round
trip, and leaves nothing behind on a session, which behind a connection pooler belongs to somebody else next.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

# SQLSTATE lock_not_available: also what NOWAIT answers.
LOCK_NOT_AVAILABLE = "55P03"
# Of the processes that stay: workers, watchdog, web.
PROCESS_SECONDS = 3.0
# Savepoints and their ends work in a transaction that has failed; SET does not.
_LIMITED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|EXECUTE|PREPARE|LOCK)\b", re.IGNORECASE)

_of_process: float | None = None
_of_block: ContextVar[float | None] = ContextVar("lock_seconds", default=None)


def begin(seconds: float = PROCESS_SECONDS) -> None:
    """From now on no statement of this process waits longer for a lock."""
    global _of_process
    _of_process = seconds


@contextmanager
def wait_at_most(seconds: float) -> Iterator[None]:
    """No statement of this block, in this thread, waits longer for a lock. What does raises Django's
    `OperationalError`, for which `is_timeout` is true; the connection stays good."""
    token = _of_block.set(seconds)
    try:
        yield
    finally:
        _of_block.reset(token)


def is_timeout(error: BaseException | None) -> bool:
    """Whether a statement gave up because somebody else holds a lock; the same may work a moment later."""
    driver_error = getattr(error, "__cause__", None) if not hasattr(error, "pgcode") else error
    return getattr(driver_error, "pgcode", None) == LOCK_NOT_AVAILABLE


def limit_statements(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have the statements of this connection limited. Receives Django's `connection_created`."""
    if connection.vendor == "postgresql" and _limit not in connection.execute_wrappers:
        connection.execute_wrappers.append(_limit)


def _limit(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    seconds = _of_block.get() or _of_process
    if seconds is not None and isinstance(sql, str) and not many and _is_limited(sql, context):
        sql = f"SET LOCAL lock_timeout = {round(seconds * 1000)}; {sql}"
    return execute(sql, params, many, context)


def _is_limited(sql: str, context: dict[str, Any]) -> bool:
    """A cursor on the server is declared for one statement alone."""
    is_named = getattr(context["cursor"].cursor, "name", None) is not None
    return not is_named and _LIMITED.match(sql) is not None
