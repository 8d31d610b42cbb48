"""The clerk: one thread and one connection through which a process claims tasks and reports on them."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction

from governance import doorbell, outages, transitions
from governance.claims import Claimed, Report
from governance.waits import WaitKind

logger = logging.getLogger(__name__)

T = TypeVar("T")
Edge = Callable[..., set[UUID]]

# Outcomes that are worth a write of their own, without waiting for more.
MAX_BATCH = 100
# From so many outcomes on, a turn saves a commit by claiming in the same transaction.
WORTH_SHARING = 20


@dataclass(slots=True)
class Reports:
    """What has ended since the last turn and is not recorded yet."""

    completed: list[Report] = field(default_factory=list)
    retried: list[Report] = field(default_factory=list)
    failed: list[Report] = field(default_factory=list)
    given_back: list[Report] = field(default_factory=list)
    parked: list[Report] = field(default_factory=list)

    def __len__(self) -> int:
        ended = len(self.completed) + len(self.retried) + len(self.failed)
        return ended + len(self.given_back) + len(self.parked)

    def ids(self) -> Iterator[UUID]:
        """The tasks that these are about."""
        return (report.id for name in self.__slots__ for report in getattr(self, name))

    def singly(self) -> Iterator["Reports"]:
        """The same, each in a `Reports` of its own."""
        for name in self.__slots__:
            for report in getattr(self, name):
                yield Reports(**{name: [report]})


@dataclass(frozen=True, slots=True)
class _Recorded:
    """`completed` are the ids that completed, `others` those that failed, and workflows that were parked:
    their steps may have ended while they were not."""

    completed: set[UUID]
    others: set[UUID]

    @property
    def is_awaited(self) -> bool:
        return bool(self.completed or self.others)

    def and_also(self, more: "_Recorded") -> "_Recorded":
        return _Recorded(self.completed | more.completed, self.others | more.others)


def _workflows(parked: list[Report]) -> set[UUID]:
    return {report.id for report in parked if report.wait and report.wait.kind == WaitKind.CHILDREN}


class Clerk:
    """Writes and claims for one process.

    A turn that returned is committed. One that raised may be repeated with the same reports: an
    outcome that had been recorded after all is not recorded twice.
    """

    def __init__(self, *, process_id: UUID) -> None:
        self.process_id = process_id
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")

    async def turn(
        self,
        reports: Reports,
        *,
        free: dict[str, int],
        with_suspect: bool,
        known: Collection[UUID] | None = None,
    ) -> list[Claimed]:
        """Record these reports, then claim for the free slots: one hop to the thread for both.

        After a turn that raised, `known` are the tasks that it holds: what else it claimed goes back.
        """
        return await self._do(lambda: self._turn(reports, free, with_suspect, known))

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self._do(lambda: connection.close())  # the proxy of that thread
        self._thread.shutdown()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except outages.ERRORS as error:
            if outages.may_pass(error):
                connection.close()  # the next turn connects anew
            raise

    def _turn(
        self,
        reports: Reports,
        free: dict[str, int],
        with_suspect: bool,
        known: Collection[UUID] | None = None,
    ) -> list[Claimed]:
        """Both in one commit when there is much to report; a few outcomes are committed at once."""
        if known is not None:
            transitions.disclaim(process_id=self.process_id, known={*known, *reports.ids()})
        try:
            with transaction.atomic() if len(reports) >= WORTH_SHARING else nullcontext():
                moved = self._record(reports)
                claimed = self._claim(free, with_suspect)
        except DatabaseError as refusal:
            if outages.may_pass(refusal):
                raise
            logger.warning("writing %d outcomes one by one: %s", len(reports), refusal)
            moved, claimed = self._record_singly(reports), []
        self._release_after(moved)
        return claimed

    def _claim(self, free: dict[str, int], with_suspect: bool) -> list[Claimed]:
        """A suspect comes first: where work never ends, it would otherwise never find a place."""
        room = {worker_id: places for worker_id, places in free.items() if places}
        suspects: list[Claimed] = []
        if room and with_suspect:
            suspects = transitions.claim_suspect(process_id=self.process_id, worker_ids=list(room))
        for suspect in suspects:
            room[suspect.worker_id] -= 1
        if not any(room.values()):
            return suspects
        return suspects + transitions.claim(process_id=self.process_id, free=room)

    def _record(self, reports: Reports) -> "_Recorded":
        """Returns the ids that others may wait for."""
        completed = self._write(transitions.complete, reports.completed)
        self._write(transitions.retry_later, reports.retried)
        failed = self._write(transitions.fail, reports.failed)
        self._write(transitions.give_back, reports.given_back)
        parked = self._write(transitions.park, reports.parked)
        return _Recorded(completed, failed | (parked & _workflows(reports.parked)))

    def _release_after(self, recorded: "_Recorded") -> None:
        """After the commit: of two processes that complete a task's last two dependencies at the same time,
        one must see the other's. What is missed here, the watchdog's sweep finds."""
        if not recorded.is_awaited:
            return
        try:
            released = (
                transitions.release_dependents(after=[*recorded.completed]) if recorded.completed else []
            )
            woken = transitions.wake_workflows(after=[*recorded.completed, *recorded.others])
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            logger.warning("left what waits for %d tasks to the watchdog: %s", len(recorded.completed), error)
        else:
            doorbell.ring(task.worker_id for task in (*released, *woken))

    def _write(self, edge: Edge, reports: list[Report]) -> set[UUID]:
        reports.sort(key=lambda report: report.id.int)  # one lock order for all who touch these rows
        return edge(reports, process_id=self.process_id)

    def _record_singly(self, reports: Reports) -> "_Recorded":
        """PostgreSQL refused one of them, so all were rolled back: each by itself, the bad one as failed."""
        recorded = _Recorded(set(), set())
        for one in reports.singly():
            try:
                with transaction.atomic():
                    recorded = recorded.and_also(self._record(one))
            except DatabaseError as refusal:
                if outages.may_pass(refusal):
                    raise
                self._refuse(one, refusal)
        return recorded

    def _refuse(self, one: Reports, refusal: DatabaseError) -> None:
        (report,) = (*one.completed, *one.retried, *one.failed, *one.given_back, *one.parked)
        logger.error("PostgreSQL refused the outcome of task %s: %s", report.id, refusal)
        error = f"its outcome could not be stored: {type(refusal).__name__}"
        failure = {"cause": "permanent", "error_class": type(refusal).__name__}
        refused = Report(report.id, report.token, error=error, failure=failure)
        transitions.fail([refused], process_id=self.process_id)
