"""Two at the same time, each on a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg2
from django.db import connection

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
    """A psql session: a cursor in a transaction that is open until it says COMMIT."""
    session = psycopg2.connect(**connection.get_connection_params())
    try:
        yield session.cursor()
    finally:
        session.close()


def until_someone_waits_for_a_lock() -> None:
    def is_waiting() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            [(waiting,)] = cursor.fetchall()
            return bool(waiting)

    until(is_waiting, what="somebody who waits for a lock")
