"""The threads in which a process talks to its database and to Redis on behalf of its calls.

A hundred calls may wait for their providers at once; what stands before and after each takes a millisecond.
So a few threads do that for all of them, each with one connection: never the event loop, and never a
connection for every call.
"""

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class CallThreads:
    """A bounded number of threads; what is waited for at the end is what was submitted and is not done."""

    def __init__(self, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="call")
        self._connections: dict[int, BaseDatabaseWrapper] = {}
        self._open: set[Future[Any]] = set()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Do it in a thread, under the caller's context (the task's id in the log)."""
        context = contextvars.copy_context()
        future: Future[T] = self._threads.submit(context.run, partial(self._do, work, *args, **kwargs))
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        return future

    def leave(self, seconds: float) -> int:
        """Wait so long for what is under way, then let go of the connections; how much was not done."""
        left = len(wait(list(self._open), timeout=seconds).not_done)
        self._threads.shutdown(wait=False)
        if left:
            logger.error("%d calls were not booked when this process left; the watchdog does it", left)
            return left
        for wrapper in self._connections.values():
            wrapper.inc_thread_sharing()
            wrapper.close()
        return 0

    def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._connections[threading.get_ident()] = connections["default"]
        return work(*args, **kwargs)


_pool: CallThreads | None = None
_making = threading.Lock()


def of_process() -> CallThreads:
    """The one of this process; threads do not outlive a fork."""
    global _pool
    with _making:
        if _pool is None:
            _pool = CallThreads(settings.JUGGERNAUT_CALL_THREADS)
        return _pool


async def run_in_thread(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a plain function that may ask the database, from the event loop, in one of these threads."""
    return await asyncio.wrap_future(of_process().submit(question, *args, **kwargs))


def leave(seconds: float) -> int:
    """Wait at most so long for calls that are being booked, then end the threads; how many were not."""
    global _pool
    with _making:
        leaving, _pool = _pool, None
    return leaving.leave(seconds) if leaving else 0


def _forget() -> None:
    global _pool, _making
    _pool, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
