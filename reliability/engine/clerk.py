"""The clerk: one thread and one connection through which a process claims tasks and reports on them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from governance import doorbell, transitions
from governance.transitions import Claimed, Report

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Outcomes that are worth a write of their own, without waiting for more.
MAX_BATCH = 100


@dataclass(slots=True)
class Reports:
    """What has ended since the last turn and is not recorded yet."""

    completed: list[Report] = field(default_factory=list)
    retried: list[Report] = field(default_factory=list)
    failed: list[Report] = field(default_factory=list)
    given_back: list[Report] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.completed) + len(self.retried) + len(self.failed) + len(self.given_back)


class Clerk:
    """Writes and claims for one process. A report is acknowledged (removed) only after its commit."""

    def __init__(self, *, process_id: UUID) -> None:
        self.process_id = process_id
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")

    async def turn(self, reports: Reports, *, free: dict[str, int], with_suspect: bool) -> list[Claimed]:
        """Record these reports, then claim for the free slots: one hop to the thread for both."""
        return await self._do(lambda: self._turn(reports, free, with_suspect))

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self._do(lambda: connection.close())  # the proxy of that thread
        self._thread.shutdown()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (OperationalError, InterfaceError):
            connection.close()  # the next turn connects anew
            raise

    def _turn(self, reports: Reports, free: dict[str, int], with_suspect: bool) -> list[Claimed]:
        self._record(reports)
        claimed = transitions.claim(process_id=self.process_id, free=free) if any(free.values()) else []
        if with_suspect and not claimed:
            claimed = transitions.claim_suspect(process_id=self.process_id, worker_ids=list(free))
        return claimed

    def _record(self, reports: Reports) -> None:
        done = self._write(transitions.complete, reports.completed)
        self._write(transitions.retry_later, reports.retried)
        self._write(transitions.fail, reports.failed)
        self._write(transitions.give_back, reports.given_back)
        if done:
            doorbell.ring(task.worker_id for task in transitions.release_dependents(after=done))

    def _write(self, edge: Callable[..., set[UUID]], reports: list[Report]) -> list[UUID]:
        """Write them all at once; if one of them is refused by the database, each by itself."""
        if not reports:
            return []
        reports.sort(key=lambda report: report.id.int)  # one lock order for all who touch these rows
        try:
            moved = edge(reports, process_id=self.process_id)
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError:
            moved = self._write_singly(edge, reports)
        reports.clear()
        return list(moved)

    def _write_singly(self, edge: Callable[..., set[UUID]], reports: Sequence[Report]) -> set[UUID]:
        moved: set[UUID] = set()
        for report in reports:
            try:
                moved |= edge([report], process_id=self.process_id)
            except (OperationalError, InterfaceError):
                raise
            except DatabaseError as refusal:
                logger.error("PostgreSQL refused the outcome of task %s: %s", report.id, refusal)
                refused = report._replace(result=None, error=f"its outcome could not be stored: {refusal}")
                transitions.fail([refused], process_id=self.process_id)
        return moved
