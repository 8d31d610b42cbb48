"""What this process knows of the rows of the breakers, at most a second old, and how its news get there.

All its talk with PostgreSQL happens in one thread with one connection: callers may sit on an event loop.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from governance.db import errors as db_errors
from governance.db import locks
from reliability.bounded_redis import RedisUnavailable
from reliability.breakers import event_log, settings
from reliability.breakers.redis_breaker import BreakerAnswer, RedisBreakers
from reliability.breakers.settings import Snapshot
from reliability.dependency_log import Outage

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
# How long a call may wait for PostgreSQL: for fresher settings, and for the first of a breaker.
REFRESH_WAIT_SECONDS = 0.1
FIRST_WAIT_SECONDS = 2.0
# How long the thread waits for a row that somebody has locked: others wait behind it.
LOCK_SECONDS = 0.1


class SettingsCache:
    """The rows of the breakers that this process uses."""

    def __init__(self, shared: RedisBreakers) -> None:
        self._shared = shared
        self._known: dict[str, Snapshot] = {}
        self._brought: dict[str, int] = {}
        self._read_at = 0.0
        self._is_away = False
        self._lock = threading.Lock()
        self._reading: Future[None] | None = None
        self._delivering: set[str] = set()
        self._outage = Outage(db_errors.DATABASE_CONNECTION_FAILED.removesuffix(" failed"), logger)
        self._database = ThreadPoolExecutor(1, thread_name_prefix="breakers")
        self._self = f"{socket.gethostname()}:{os.getpid()}"

    def current(self, name: str) -> Snapshot | None:
        """The breaker's row, not older than a second if PostgreSQL answers; none if it never did."""
        is_new = name not in self._known and not self._is_away
        if is_new or time.monotonic() - self._read_at > FRESH_SECONDS:
            wait = FIRST_WAIT_SECONDS if is_new else REFRESH_WAIT_SECONDS
            self._await(self._refresh(name), wait)
            self._bring_changed()
        return self._known.get(name)

    def read(self, name: str) -> Snapshot | None:
        """The row as it is now, with the last state that anybody delivered."""
        self._await(self._submit(self._read, {*self._known, name}), FIRST_WAIT_SECONDS)
        return self._known.get(name)

    def deliver(self, name: str) -> None:
        """Have the transitions of this breaker written down soon."""
        with self._lock:
            if name in self._delivering:
                return
            self._delivering.add(name)
        self._submit(self._deliver, name)

    def tell_local(self, name: str, before: str, after: BreakerAnswer) -> None:
        """A breaker of this process alone has moved."""
        event_log.log(name, before, after.state, after.cause, where=f"in process {self._self}, without Redis")
        self._submit(event_log.write_local, name, before, after, f"process:{self._self}")

    def close(self) -> None:
        self._database.submit(lambda: connection.close())
        self._database.shutdown()

    def _refresh(self, name: str) -> "Future[None]":
        """One reading at a time, shared by all who wait."""
        with self._lock:
            if self._reading is None or self._reading.done() or name not in self._known:
                self._reading = self._submit(self._read, {*self._known, name})
            return self._reading

    def _read(self, names: Iterable[str]) -> None:
        found = settings.load(names)
        if missing := set(names) - set(found):
            for name in missing:
                settings.ensure(name)
            found |= settings.load(missing)
        self._known = {**self._known, **found}
        self._read_at, self._is_away = time.monotonic(), False

    def _bring_changed(self) -> None:
        """Settings that changed in PostgreSQL go to Redis; if it is away, after a later reading.

        The caller does it, before its own question: so it waits for Redis once, not twice.
        """
        for name, snapshot in self._known.items():
            if self._brought.get(name) == snapshot.row.version:
                continue
            try:
                answer = self._shared.configure(snapshot)
            except RedisUnavailable:
                return
            self._brought[name] = snapshot.row.version
            if answer.pending_events:
                self.deliver(name)

    def _deliver(self, name: str) -> None:
        with self._lock:
            self._delivering.discard(name)
        event_log.deliver(self._shared, name)

    def _submit(self, job: Callable[..., Any], *arguments: Any) -> "Future[None]":
        return self._database.submit(self._do, job, *arguments)

    def _do(self, job: Callable[..., Any], *arguments: Any) -> None:
        """The outermost loop of this thread: what fails is said, and the thread goes on."""
        try:
            close_old_connections()
            with locks.wait_at_most(LOCK_SECONDS):
                job(*arguments)
        except RedisUnavailable:
            return  # said already; what was to be delivered still is in Redis
        except (DatabaseError, InterfaceError) as error:
            self._wait_a_second()
            if locks.is_timeout(error):
                logger.warning("a breaker's row is locked by somebody: it is read or written later")
            elif db_errors.is_unavailable(error):
                self._outage.seen(db_errors.describe(error))
            else:
                logger.exception("a breaker's row could not be read or written")
        else:
            self._outage.over()

    def _await(self, reading: "Future[None]", seconds: float) -> None:
        try:
            reading.result(seconds)
        except TookTooLong:
            self._wait_a_second()

    def _wait_a_second(self) -> None:
        """PostgreSQL is asked again in a second, not with every call."""
        self._read_at, self._is_away = time.monotonic(), True
