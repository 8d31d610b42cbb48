"""A real drain on an event loop in a thread of the test, and what an operator would look at."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from governance.models import Task
from reliability.cluster import shared_state
from reliability.engine.worker_loop import WorkerLoop
from tests.governance import lives
from tests.polling import until

WORKERS = ("EXECUTOR", "ANALYST")


class Draining:
    """One drain, from its start to its end. `crash` holds what it died of."""

    def __init__(self, *workers: str) -> None:
        self.pulse = shared_state.ClusterState(slots=1)
        self.process_id = uuid4()
        self.crash: BaseException | None = None
        self.drain: WorkerLoop | None = None
        self._workers = workers or WORKERS
        self._thread = threading.Thread(target=self._run, name="drain under test")
        self._thread.start()

    def _run(self) -> None:
        async def drain() -> None:
            beat = shared_state.ProcessState(self.pulse, self.pulse.take_slot())
            self.drain = WorkerLoop(process_id=self.process_id, worker_ids=self._workers, beat=beat)
            await self.drain.run()

        try:
            asyncio.run(drain())
        except BaseException as error:  # noqa: BLE001 the test looks at it
            self.crash = error
        finally:
            connection.close()

    @property
    def is_listening(self) -> bool:
        return self.drain is not None and self.drain._listener.is_listening

    @property
    def lives(self) -> bool:
        return self._thread.is_alive()

    def in_flight(self) -> int:
        return self.drain.in_flight() if self.drain else 0

    def leave(self, *, within_seconds: float = 6.0) -> None:
        """Ask it to leave, and wait until it has."""
        self.pulse.ask_to_leave(within_seconds=within_seconds)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the drain did not leave"


@contextmanager
def draining(*workers: str) -> Iterator[Draining]:
    """A worker loop that listens; it is gone afterwards, and did not crash."""
    started = Draining(*workers)
    try:
        until(lambda: started.is_listening or not started.lives, what="a drain that listens")
        yield started
    finally:
        if started.lives:
            started.leave(within_seconds=2.5)
        if started.drain:
            started.drain._heartbeat.stop()
    if started.crash:
        raise started.crash


def submit(task_type: str = "noop", *, count: int = 1, **columns: Any) -> list[UUID]:
    """Rows typed in by hand: the trigger rings the notification for them."""
    return [lives.make(task_type=task_type, **columns).pk for _ in range(count)]


def all_are(state: str, ids: list[UUID]) -> bool:
    return Task.objects.filter(pk__in=ids, status=state).count() == len(ids)


def until_all(state: str, ids: list[UUID], *, timeout: float = 20) -> None:
    until(lambda: all_are(state, ids), timeout=timeout, what=f"{len(ids)} tasks {state}")


def sql(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What somebody types into psql."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def backends(query: str) -> list[int]:
    """The server processes of this database whose last statement contains this text."""
    rows = sql(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND query LIKE %s",
        f"%{query}%",
    )
    return [pid for (pid,) in rows]


def terminate_backends(query: str) -> int:
    """Cut the connections whose last statement contains this text."""
    return len([sql("SELECT pg_terminate_backend(%s)", pid) for pid in backends(query)])
