"""The threads in which plain (not async) task types run."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Threads:
    """A bounded pool. A thread cannot be stopped: one whose task is over (timed out, cancelled) is
    abandoned, and what it brings back later goes to `on_late`, in that thread."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.abandoned = 0
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="task")

    async def call(self, work: Callable[[], Any], *, on_late: Callable[[Any], None]) -> Any:
        """Run `work` in a thread and wait for it; if the wait is cancelled, the thread is abandoned."""
        future = self._pool.submit(work)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancelled():
                self._abandon(future, on_late)
            raise

    def _abandon(self, future: Future[Any], on_late: Callable[[Any], None]) -> None:
        self.abandoned += 1

        def came_back(future: Future[Any]) -> None:
            self.abandoned -= 1
            if future.exception() is None:
                on_late(future.result())

        future.add_done_callback(came_back)

    def close(self) -> None:
        """Take no more work; does not wait for threads that are still busy."""
        self._pool.shutdown(wait=False, cancel_futures=True)
