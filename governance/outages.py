"""How it shows that PostgreSQL cannot be reached, and the words that the runbook says it in.

Whoever talks to the database decides with `is_connection_failure` whether to wait and try again, and
says it with `describe`. What is logged with a traceback says it by itself (`juggernaut.logs`).
"""

import psycopg2
from django.db import InterfaceError, OperationalError

from governance import redaction

DATABASE_CONNECTION_FAILED = "database connection failed"

# SQLSTATE: class 08 is "connection exception"; the server refuses or ends connections with the others.
_CONNECTION_CLASS = "08"
_REFUSED = {
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now: starting up or recovering
    "57P05",  # idle_session_timeout
    "25P03",  # idle_in_transaction_session_timeout
    "53300",  # too_many_connections
}


def is_connection_failure(error: BaseException | None) -> bool:
    """Whether the connection, not the statement, is what failed: the same may work on a new one."""
    if isinstance(error, OperationalError | psycopg2.OperationalError):
        return _is_connection_state(_sqlstate(error))
    if isinstance(error, InterfaceError | psycopg2.InterfaceError):
        return "closed" in str(error)
    return False


def describe(error: BaseException) -> str:
    """One line: `database connection failed: ` and what the driver said of it."""
    said = redaction.hide(" ".join(str(error).split())) or type(error).__name__
    return said if DATABASE_CONNECTION_FAILED in said else f"{DATABASE_CONNECTION_FAILED}: {said}"


def describe_if_lost(error: BaseException) -> str:
    """As `describe`, for errors that may come from the statement, too: then what the driver said, alone."""
    return describe(error) if is_connection_failure(error) else " ".join(str(error).split())


def _is_connection_state(sqlstate: str | None) -> bool:
    """An error without a SQLSTATE was not answered by a server: there is none, or it went away."""
    return sqlstate is None or sqlstate.startswith(_CONNECTION_CLASS) or sqlstate in _REFUSED


def _sqlstate(error: BaseException) -> str | None:
    """Django's errors carry the driver's as their cause."""
    driver_error = error if isinstance(error, psycopg2.Error) else error.__cause__
    return getattr(driver_error, "pgcode", None)
