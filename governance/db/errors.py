"""Database errors: whether PostgreSQL is unavailable, whether a new connection may help, and the words.

One place knows the class. Whoever talks to the database and meets `ERRORS` asks `is_unavailable`: then the
statement was not at fault, and the same may work later. It says so with `describe`, waits, and goes on by
itself; the API answers 503. What is logged with a traceback is described by `juggernaut.logs`.
"""

import psycopg2
from django.db import DatabaseError, InterfaceError, OperationalError

from governance.audit import redaction

# What Django raises for a statement or a connection that failed.
ERRORS = (DatabaseError, InterfaceError)

DATABASE_CONNECTION_FAILED = "database connection failed"
READ_ONLY = "database is read-only"

# SQLSTATEs. Class 08 is "connection exception"; with the others the server refuses or ends connections.
_CONNECTION_CLASS = "08"
_REFUSED = {
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now: starting up or recovering
    "57P05",  # idle_session_timeout
    "25P03",  # idle_in_transaction_session_timeout
    "53300",  # too_many_connections
}
# The connection works, and the server cannot do its work.
_READ_ONLY = "25006"  # read_only_sql_transaction: a standby, or default_transaction_read_only
_UNABLE = {
    _READ_ONLY: READ_ONLY,
    "53000": "database is out of resources",
    "53100": "database disk is full",
    "53200": "database is out of memory",
    "53400": "database is out of resources",  # configuration_limit_exceeded
    "58030": "database disk failed",  # io_error
    "57014": "database took too long",  # query_canceled: statement_timeout
}


def is_connection_failure(error: BaseException | None) -> bool:
    """Whether the connection, not the statement, is what failed: the same may work on a new one."""
    if isinstance(error, OperationalError | psycopg2.OperationalError):
        return _is_connection_state(_sqlstate(error))
    if isinstance(error, InterfaceError | psycopg2.InterfaceError):
        return "closed" in str(error)
    return False


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the database cannot do its work now, whatever the statement: no connection, read-only, out of
    disk, memory or connections, shutting down, or too slow for a timeout. The same may work later. Rows that
    somebody has locked are not this: see `governance.db.locks`."""
    return is_connection_failure(error) or _unable(error) is not None


def wants_new_connection(error: BaseException | None) -> bool:
    """Whether to close the connection after this error: it is lost, or its server is a standby now."""
    return is_connection_failure(error) or _unable(error) == READ_ONLY


def may_pass(error: BaseException) -> bool:
    """Whether to try the same again: the database is unavailable, or its operation failed (a deadlock)."""
    return is_unavailable(error) or isinstance(error, OperationalError | InterfaceError)


def headline(error: BaseException) -> str:
    """What is wrong in a few words that anybody may read, e.g. `database is read-only`."""
    return _unable(error) or DATABASE_CONNECTION_FAILED


def describe(error: BaseException) -> str:
    """One line for the log: the headline, and what the driver said. Take it for unavailable databases."""
    said = redaction.hide(" ".join(str(error).split())) or type(error).__name__
    found = headline(error)
    return said if found in said else f"{found}: {said}"


def describe_if_unavailable(error: BaseException) -> str:
    """As `describe`, for errors that may come from the statement, too: then what the driver said, alone."""
    return describe(error) if is_unavailable(error) else " ".join(str(error).split())


def _unable(error: BaseException | None) -> str | None:
    if isinstance(error, DatabaseError | psycopg2.DatabaseError):
        return _UNABLE.get(_sqlstate(error) or "")
    return None


def _is_connection_state(sqlstate: str | None) -> bool:
    """An error without a SQLSTATE was not answered by a server: there is none, or it went away."""
    return sqlstate is None or sqlstate.startswith(_CONNECTION_CLASS) or sqlstate in _REFUSED


def _sqlstate(error: BaseException) -> str | None:
    """Django's errors carry the driver's as their cause."""
    driver_error = error if isinstance(error, psycopg2.Error) else error.__cause__
    return getattr(driver_error, "pgcode", None)
