"""django-q2's queues between the processes of a cluster, without the lock that a dead reader keeps.

Whoever waits for a message holds the queue's reading lock, and `multiprocessing`'s locks stay locked
when their holder is killed: one killed idle worker stops all others, a killed monitor every later
monitor (django-q2/django-q2#23). What is left are windows of microseconds in which a message is
written or read; `reliability.cluster.supervision` notices what may be caught in them.
"""

import fcntl
import tempfile
import time
from typing import Any, Self

from django_q.queues import Queue

RETRY_SECONDS = 0.02


class CrashSafeLock:
    """A lock between forked processes, each with one thread that uses it; the kernel frees it on death."""

    def __init__(self) -> None:
        # POSIX record locks belong to a process and a file, so every child locks for itself.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as any process lives

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if block and timeout is None:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            return True
        deadline = time.monotonic() + (timeout or 0 if block else 0)
        while not (is_ours := self._try()) and time.monotonic() < deadline:
            time.sleep(RETRY_SECONDS)
        return is_ours

    def release(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _try(self) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


class CrashSafeQueue(Queue):
    """A queue that other readers go on reading when one is killed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rlock = CrashSafeLock()
