"""Two at the same time, each on a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from django.db import connection, transaction

from tests.polling import until


def race(*sides: Callable[[], Any]) -> list[Any]:
    """Let all sides go at the same moment; what each returned, in their order."""
    start = threading.Barrier(len(sides))

    def run(side: Callable[[], Any]) -> Any:
        try:
            start.wait(10)
            return side()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(sides)) as pool:
        return [future.result(30) for future in [pool.submit(run, side) for side in sides]]


@contextmanager
def meanwhile(side: Callable[[], Any]) -> Iterator["Future[Any]"]:
    """`side` runs in a thread while the block does; its result afterwards."""

    def run() -> Any:
        try:
            return side()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


@contextmanager
def somebody_else() -> Iterator[Any]:
    """A psql session: a cursor in a transaction that ends with COMMIT, or with the block."""
    session = psycopg2.connect(**connection.get_connection_params())
    try:
        yield session.cursor()
    finally:
        # A server notices a closed connection when it gets to it; until then its locks stay.
        with suppress(psycopg2.Error):  # the session may have been ended from outside
            session.rollback()
        session.close()


def until_someone_waits_for_a_lock() -> None:
    def is_waiting() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            [(waiting,)] = cursor.fetchall()
            return bool(waiting)

    until(is_waiting, what="somebody who waits for a lock")


_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def second_after_first(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """What each returns. The second begins when the first has done its part, and the first commits when the
    second has come to an end or waits for it; then what `first` returned, if it can be called, is called
    before the commit."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            one = first()
            other = pool.submit(_elsewhere, second)
            until(lambda: other.done() or is_waited_for(), what="the second")
            one = one() if callable(one) else one
        return one, _answer(other)


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return bool(cursor.fetchone()[0])


def _answer(other: "Future[Any]") -> Any:
    return other.result(timeout=30)


def _elsewhere(work: Callable[[], Any]) -> Any:
    try:
        with transaction.atomic():
            return work()
    finally:
        connection.close()
