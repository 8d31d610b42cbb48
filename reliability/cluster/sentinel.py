"""django-q2's sentinel, and the processes that it forks, made to end for certain and to be seen."""

import importlib
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from queue import Empty
from typing import Any, cast

import setproctitle
from django_q.cluster import Sentinel, get_mp_context
from django_q.conf import Conf
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.status import Stat
from django_q.worker import worker

from reliability.cluster import parent_death, shared_state
from reliability.cluster.crash_safe_queue import CrashSafeQueue

POLL_SECONDS = 0.1
# How long the monitor may take to note the results of drains that have all returned.
LAST_RESULTS_SECONDS = 2.0
ROLES: dict[Callable[..., None], str] = {worker: "worker", monitor: "monitor", pusher: "pusher"}


class Flag:
    """`multiprocessing.Event` as far as django-q2 uses one, over a question instead of a lock.

    A real event's `set()` waits for ever when a process died while it waited, and must not be called
    in a signal handler at all (django-q2/django-q2#346).
    """

    def __init__(self, is_set: Callable[[], bool], set_: Callable[[], None] = lambda: None) -> None:
        self.is_set = is_set
        self.set = set_

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not self.is_set() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return self.is_set()


class Orders:
    """The task queue as a worker process reads it: it ends when the cluster is told to stop.

    django-q2 ends its workers by messages through the queue itself, and has to wait for room in it.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def get(self) -> Any:
        shared_state.rest()
        while not shared_state.current().is_stopping:
            try:
                return self._queue.get(timeout=POLL_SECONDS)
            except Empty:
                continue
        return "STOP"


class GuardingSentinel(Sentinel):
    """Guards the workers' processes until the pulse says stop."""

    def __init__(self, cluster_id: Any, title: str) -> None:
        self.title = title
        is_stopping = Flag(lambda: shared_state.current().is_stopping)
        super().__init__(is_stopping, Flag(lambda: True), cluster_id, start=False)
        # The parent alone listens to signals; it may be sent one together with its whole process group.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.event_out = is_stopping
        self.task_queue = CrashSafeQueue(maxsize=Conf.QUEUE_LIMIT)
        self.result_queue = CrashSafeQueue()
        self.start()

    def spawn_process(self, target: Callable[..., None], *args: Any) -> BaseProcess:
        role = ROLES[target]
        slot = None
        if target is worker:
            slot = shared_state.current().take_slot()
            args = (Orders(args[0]), *args[1:])
        process: Any = get_mp_context().Process(
            target=_begin, args=(os.getpid(), f"{self.title}: {role}", slot, target, args), daemon=True
        )
        if target is worker:
            process.timer = args[2]
            self.pool.append(process)
        process.start()
        return cast(BaseProcess, process)

    def status(self) -> Any:
        """django-q2 asks once in each round of its loop: so the parent knows that the loop goes round."""
        shared_state.current().guard_tick()
        return super().status()

    def stop(self) -> None:
        """Wait until every worker loop has returned, then end the rest, in which nothing is worth keeping."""
        while any(process.is_alive() for process in self.pool):
            time.sleep(POLL_SECONDS)
            Stat(self).save()
        self.result_queue.put("STOP")
        self.monitor.join(LAST_RESULTS_SECONDS)
        for process in (self.pusher, self.monitor):
            process.kill()
            process.join()
        for queue in (self.task_queue, self.result_queue):
            queue.cancel_join_thread()


def fork(title: str, cluster_id: Any) -> BaseProcess:
    """Start the sentinel of the cluster whose pulse has begun, as a child of this process."""
    process: BaseProcess = get_mp_context().Process(
        target=_begin, args=(os.getpid(), f"{title}: sentinel", None, GuardingSentinel, (cluster_id, title))
    )
    process.start()
    return process


def _begin(
    parent_pid: int,
    title: str,
    slot: shared_state.ProcessSlot | None,
    target: Callable[..., Any],
    args: tuple[Any, ...],
) -> None:
    """The first lines of every process of a cluster."""
    parent_death.die_with_parent(parent_pid)
    if slot is not None:
        shared_state.adopt(slot)
    _keep_title(title)
    target(*args)


def _keep_title(title: str) -> None:
    """Name this process, and keep django-q2 from naming it otherwise with every message."""
    setproctitle.setproctitle(title)
    for name in ("worker", "pusher", "monitor"):
        vars(importlib.import_module(f"django_q.{name}"))["setproctitle"] = None
