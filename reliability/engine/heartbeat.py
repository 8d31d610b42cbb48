"""The heartbeat of a worker process: a thread that renews leases and says that the process lives.

It is a thread because a task may keep the event loop busy for seconds without being dead; but it falls
silent when the loop has not moved for `STUCK_SECONDS`, so that the tasks of a wedged process go to
others.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import psutil
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from governance.db import errors as db_errors
from governance.db import locks
from governance.models import WorkerProcess
from governance.tasks import transitions
from governance.version import VERSION
from governance.workers import heartbeats
from reliability.engine import host_processes

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 2.0
STUCK_SECONDS = 30.0
# Shorter tasks are not worth a renewal: they end long before their first lease does.
RENEW_AFTER_SECONDS = 1.5
# What is locked for longer is left for the next beat.
LOCK_SECONDS = 0.5


class HeldTasks(Protocol):
    """The part of a worker loop that the heartbeat looks at, from another thread."""

    process_id: UUID
    worker_ids: tuple[str, ...]
    moved_at: float
    finished: int
    is_leaving: bool

    def held_longer_than(self, seconds: float) -> dict[UUID, int]: ...

    def in_flight(self) -> int: ...


class Heartbeat:
    """Beats until stopped. `on_lost` and `on_concurrency` are called in the heartbeat's own thread."""

    def __init__(
        self,
        held: HeldTasks,
        *,
        on_lost: Callable[[dict[UUID, int]], None],
        on_concurrency: Callable[[dict[str, int]], None],
    ) -> None:
        self._held = held
        self._on_lost = on_lost
        self._on_concurrency = on_concurrency
        self._poked = threading.Event()
        self._stopped = False
        self._is_away = False
        self._is_registered = False
        self._has_looked_around = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat, at once. The first `on_concurrency` says that the process is registered."""
        self.poke()
        self._thread.start()

    def poke(self) -> None:
        """Beat now: somebody may have stopped a task that runs here."""
        self._poked.set()

    def stop(self) -> None:
        """End the thread and take the process's row away."""
        self._stopped = True
        self._poked.set()
        if self._thread.is_alive():
            self._thread.join(timeout=INTERVAL_SECONDS)

    def _run(self) -> None:
        while not self._stopped:
            self._poked.wait(INTERVAL_SECONDS)
            self._poked.clear()
            self._try(self._beat)
        self._try(lambda: heartbeats.forget([self._held.process_id]))
        connection.close()

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
            self._is_away = False
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            if not self._is_away:  # once for each outage, not every two seconds
                logger.error(db_errors.describe_if_unavailable(error))
            self._is_away = True
        except Exception:
            logger.exception("a heartbeat failed")  # the next one may not

    def _beat(self) -> None:
        if time.monotonic() - self._held.moved_at > STUCK_SECONDS:
            return
        # The process's own row comes before its leases: when those of a process that died run out, its row is
        # out of date, too.
        for step in (self._say_alive, self._renew, self._look_around, self._read_concurrency):
            self._unless_locked(step)

    def _unless_locked(self, step: Callable[[], object]) -> None:
        """A lock that somebody holds costs one step of one beat."""
        try:
            with locks.wait_at_most(LOCK_SECONDS):
                step()
        except OperationalError as error:
            if not locks.is_timeout(error):
                raise
            logger.warning("a part of a heartbeat is left: %s", db_errors.describe_if_unavailable(error))

    def _say_alive(self) -> None:
        heartbeats.record_heartbeat(self._sign())
        self._is_registered = True

    def _renew(self) -> None:
        held = self._held.held_longer_than(RENEW_AFTER_SECONDS)
        lost = transitions.renew(held)
        if lost:
            self._on_lost({task_id: held[task_id] for task_id in lost})

    def _look_around(self) -> None:
        if self._is_registered and not self._has_looked_around:
            host_processes.rescue_from_dead()
            self._has_looked_around = True

    def _read_concurrency(self) -> None:
        if self._is_registered:
            self._on_concurrency(heartbeats.concurrency(self._held.worker_ids))

    def _sign(self) -> heartbeats.ProcessHeartbeat:
        state = WorkerProcess.State.DRAINING if self._held.is_leaving else WorkerProcess.State.RUNNING
        return heartbeats.ProcessHeartbeat(
            process_id=self._held.process_id,
            worker_ids=self._held.worker_ids,
            host=socket.gethostname(),
            machine=host_processes.machine(),
            pid=os.getpid(),
            born_at=datetime.fromtimestamp(psutil.Process().create_time(), UTC),
            state=state,
            in_flight=self._held.in_flight(),
            finished=self._held.finished,
            rss_bytes=psutil.Process().memory_info().rss,
            version=VERSION,
        )
