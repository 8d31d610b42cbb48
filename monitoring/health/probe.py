"""Looking at PostgreSQL and Redis with a deadline, whatever state they are in.

A server that is frozen keeps its sockets: the kernel still accepts connections for it, and libpq waits
without limit for an answer. So the probe drives a connection of its own that never blocks, and gives
up at the deadline. It borrows nothing from the pages and the workers, whose connections may hang.
"""

import select
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import psycopg2
import redis
from django.conf import settings
from django.db import connections
from psycopg2.extensions import POLL_OK, POLL_READ
from redis.backoff import NoBackoff
from redis.retry import Retry

Row = dict[str, Any]


class DidNotAnswerError(Exception):
    """The server took the connection, or the statement, and has said nothing since."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds


class Probe:
    """A connection to PostgreSQL that lives for one examination: `with Probe(seconds=0.7) as probe:`.

    Connecting and all statements together end within `seconds`, with `DidNotAnswerError` if need be;
    other failures are psycopg2's. Each statement is a transaction of its own.
    """

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        self._deadline = time.monotonic() + seconds
        # What outlives our patience, the server ends by itself. The limit is sent together with the statement
        # and ends with it, because behind a connection pooler the session is also used by others.
        self._limit = f"SET LOCAL statement_timeout = {int(seconds * 1000) + 100}; "

    def __enter__(self) -> "Probe":
        parameters = connections["default"].get_connection_params()
        parameters["application_name"] = f"{parameters['application_name']} probe"
        self._connection = psycopg2.connect(**parameters, async_=True)
        with ExitStack() as opening:
            opening.callback(self._connection.close)
            self._wait()
            opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @property
    def backend_pid(self) -> int:
        """The pid that whoever answered the connection told us: a pooler tells a number of its own."""
        return int(self._connection.info.backend_pid)

    def rows(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Every row of the answer, by column name."""
        cursor = self._connection.cursor()
        cursor.execute(self._limit + statement, parameters)
        self._wait()
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def row(self, statement: str, parameters: Mapping[str, object] | None = None) -> Row:
        """The first row of the answer; there must be one."""
        return self.rows(statement, parameters)[0]

    def _wait(self) -> None:
        while (state := self._connection.poll()) != POLL_OK:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise DidNotAnswerError(self.seconds)
            waiting = select.poll()
            waiting.register(
                self._connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT
            )
            waiting.poll(left * 1000)


def redis_client(*, seconds: float) -> redis.Redis:
    """A client whose every call ends within about twice `seconds`: it neither retries nor waits longer."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=seconds,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        decode_responses=True,
    )
