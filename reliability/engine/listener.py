"""Hears the notification: a connection that listens, read by the event loop when something arrives.

Listening needs a session of its own. Behind a connection pooler it goes through `DATABASE_URL_DIRECT`;
without one nobody listens, and the worker loop polls more often.
"""

import asyncio
import logging
from collections.abc import Callable

import psycopg2
from psycopg2.extensions import connection as Connection

from governance.db import direct_connection, notifications

logger = logging.getLogger(__name__)


class Listener:
    """Calls `on_ring(payload)` for every ring. Deaf while PostgreSQL is away: the worker loop polls
    anyway."""

    def __init__(self, on_ring: Callable[[str], None]) -> None:
        self._on_ring = on_ring
        self._connection: Connection | None = None
        self._socket = -1
        # Whether a pooler stands between, and nothing leads around it.
        self.is_impossible = False

    @property
    def is_listening(self) -> bool:
        return self._connection is not None

    async def connect(self) -> None:
        """Begin to listen, if it is possible; raises `psycopg2.OperationalError` when the server does not
        answer."""
        self._connection = await asyncio.to_thread(_open)
        if self._connection is None:
            self.is_impossible = True
            return
        self._socket = self._connection.fileno()
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        if self._connection is not None:
            # Not asked from the connection: one that broke does not know its socket any more.
            asyncio.get_running_loop().remove_reader(self._socket)
            self._connection.close()
            self._connection = None

    def _read(self) -> None:
        assert self._connection is not None
        try:
            self._connection.poll()
        except psycopg2.Error as broken:
            logger.warning("the notification went silent: %s", str(broken).strip())
            self.close()
            return
        while self._connection.notifies:
            self._on_ring(self._connection.notifies.pop(0).payload)


def _open() -> Connection | None:
    opened = direct_connection.open_session()
    if opened is not None:
        with opened.cursor() as cursor:
            cursor.execute(f"LISTEN {notifications.CHANNEL}")
    return opened
