"""Read-only queries, each on a connection of its own: never the gates', and nothing outlives the query."""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg2
from django.db import connection as gates

from reliability.breakers.outcomes import NOT_COUNTED, failure
from reliability.calls.types import CallFailed, Money
from reliability.failures import PermanentFailure, TransientFailure
from workers.sql import role as sql_role

# So many queries at a time in one process, each with a connection: more wait here, not in the server.
CONNECTIONS = 2
LOCK_TIMEOUT_MS = 2_000
_threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="sql.query")

# It passes with time: the server is short of something, was told to stop, or had to choose between two; a
# statement took too long, or waited too long for a lock. By class of SQLSTATE, and one single state.
_PASSING = ("40", "53", "57", "58", "55P03")
_CONNECTION_LOST = "08"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query found: rows as objects. `is_cut` says that there would have been more."""

    rows: list[dict[str, Any]]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with its parameters (`%(name)s` in the text) and its limits; `seconds` bounds it."""

    sql: str
    parameters: Mapping[str, Any]
    max_rows: int
    max_bytes: int
    seconds: float


async def read(query: Query) -> Rows:
    """Run the query. Raises `PermanentFailure` with PostgreSQL's words for one that cannot be answered,
    `TransientFailure` for one that may be later. Who is cancelled ends the query on the server, too."""
    running = _Running(query)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, running.run)
    except asyncio.CancelledError:
        running.stop()
        raise


class _Running:
    """One query under way."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._connection: Any = None
        self._is_stopped = False

    def run(self) -> Rows:
        if self._is_stopped:
            raise TransientFailure("the query was stopped before it began")
        try:
            self._connection = _connect(self._query.seconds)
        except psycopg2.OperationalError as away:
            raise _away(away) from None
        try:
            return _rows(self._lines())
        except psycopg2.Error as error:
            raise _failure(error) from None
        finally:
            _end(self._connection)

    def stop(self) -> None:
        self._is_stopped = True
        if self._connection is not None and not self._connection.closed:
            self._connection.cancel()

    def _lines(self) -> list[str | None]:
        query = self._query
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT to_regprocedure(%s) IS NOT NULL", [sql_role.FUNCTION])
            if not cursor.fetchone()[0]:
                raise PermanentFailure(
                    f"sql.query needs the database role {sql_role.ROLE}, which is not set up:"
                    f" {sql_role.REMEDY}"
                )
            cursor.execute(
                "SELECT * FROM juggernaut_read(%s, %s, %s)",
                [_filled(cursor, query), query.max_rows, query.max_bytes],
            )
            return [line for (line,) in cursor.fetchall()]


def _connect(seconds: float) -> Any:
    """A connection whose one transaction can only read, for at most so long.

    The limits are the transaction's, not the session's, because a session may be shared: behind a connection
    pooler the next transaction on it is somebody else's.
    """
    parameters = gates.get_connection_params()
    where = {name: parameters[name] for name in _KEPT if name in parameters}
    connection = psycopg2.connect(**where, application_name=f"{parameters['application_name']} sql.query")
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with connection.cursor() as cursor:
        cursor.execute(_LIMITS, {"query": f"{max(1, int(seconds * 1000))}ms", "lock": f"{LOCK_TIMEOUT_MS}ms"})
    return connection


# What Django adds for itself (a cursor class, converters) would change what is read.
_KEPT = (
    *("dbname", "user", "password", "host", "port", "connect_timeout", "options"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding"),
)
_LIMITS = """
SELECT set_config('statement_timeout', %(query)s, true), set_config('lock_timeout', %(lock)s, true),
  set_config('idle_in_transaction_session_timeout', '60s', true);
SAVEPOINT query"""


def _end(connection: Any) -> None:
    """Undo what the query left behind: settings and notifications go with the transaction, but a lock that
    it took for the session stays, and would go to whoever uses the session next.

    If that fails, the connection is closed in the middle of its transaction, which ends the session in any
    case: a pooler does not give it to others then.
    """
    with closing(connection), suppress(psycopg2.Error):
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK TO SAVEPOINT query; SELECT pg_advisory_unlock_all()")
        connection.rollback()


def _filled(cursor: Any, query: Query) -> str:
    """The statement with its parameters as literals, quoted by the driver."""
    if not query.parameters:
        return query.sql
    try:
        filled: bytes = cursor.mogrify(query.sql, dict(query.parameters))
    except (KeyError, TypeError, ValueError, IndexError) as wrong:
        raise PermanentFailure(
            f"the parameters do not fit the query ({type(wrong).__name__}: {wrong}): name each as %(name)s,"
            " and write a percent sign as %%"
        ) from None
    return filled.decode()


def _rows(lines: list[str | None]) -> Rows:
    is_cut = bool(lines) and lines[-1] is None
    return Rows([_row(line) for line in lines if line is not None], is_cut)


def _row(line: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(
        line, parse_float=_number, parse_int=_integer, object_pairs_hook=_named_once
    )
    return row


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise PermanentFailure("two columns have the same name: name them with AS")
    return found


def _number(digits: str) -> float | str:
    """A number, or its digits as text where a double would lose some: money must stay exact."""
    number = float(digits)
    return number if Decimal(repr(number)) == Decimal(digits) else digits


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= 18 else digits


def _failure(error: psycopg2.Error) -> Exception:
    said = " ".join(str(error.diag.message_primary or error).split())
    if error.pgcode is None or error.pgcode.startswith(_CONNECTION_LOST):
        return _away(error)
    if error.pgcode.startswith(_PASSING):
        # It may do better later; it says nothing against the database, which answers others.
        return CallFailed(said, error=TransientFailure(said), outcome=NOT_COUNTED, money=Money.RELEASED)
    return PermanentFailure(f"the query cannot be answered: {said}")


def _away(error: psycopg2.Error) -> CallFailed:
    text = f"the database does not answer: {' '.join(str(error).split())}"
    return CallFailed(text, error=TransientFailure(text), outcome=failure(text), money=Money.RELEASED)
