"""The outcome writer: one thread and one connection through which a process claims tasks and reports on
them."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from governance.db import errors as db_errors
from governance.db import locks, notifications
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport, ClaimedTask
from governance.tasks.waits import WaitKind

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Outcomes that are worth a write of their own, without waiting for more.
MAX_BATCH = 100
# From so many outcomes on, a turn saves a commit by claiming in the same transaction.
WORTH_SHARING = 20
# How long outcomes wait for a lock: together, each by itself, and all of those. A dead letter is counted in
# the row of its group, and a retried task has a letter: no commit of ours holds such a row for longer.
LOCK_SECONDS = 0.25
ONE_LOCK_SECONDS = 0.05
SINGLY_SECONDS = 0.5
# After an outcome met such a lock, failures are not tried for so long: each would wait again.
BLOCKED_SECONDS = 2.0


@dataclass(slots=True)
class OutcomeBatch:
    """What has ended since the last turn and is not recorded yet."""

    completed: list[AttemptReport] = field(default_factory=list)
    retried: list[AttemptReport] = field(default_factory=list)
    failed: list[AttemptReport] = field(default_factory=list)
    given_back: list[AttemptReport] = field(default_factory=list)
    parked: list[AttemptReport] = field(default_factory=list)

    def __len__(self) -> int:
        ended = len(self.completed) + len(self.retried) + len(self.failed)
        return ended + len(self.given_back) + len(self.parked)

    def all(self) -> Iterator[AttemptReport]:
        return (report for name in self.__slots__ for report in getattr(self, name))

    def ids(self) -> Iterator[UUID]:
        """The tasks that these are about."""
        return (report.id for report in self.all())

    def extend(self, more: "OutcomeBatch") -> None:
        for name in self.__slots__:
            getattr(self, name).extend(getattr(more, name))

    def singly(self) -> Iterator["OutcomeBatch"]:
        """The same, each in a `OutcomeBatch` of its own."""
        for name in self.__slots__:
            for report in getattr(self, name):
                yield OutcomeBatch(**{name: [report]})


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


def _workflows(parked: list[AttemptReport]) -> set[UUID]:
    return {report.id for report in parked if report.wait and report.wait.kind == WaitKind.CHILDREN}


class OutcomeWriter:
    """Writes and claims for one process.

    A turn that returned is committed. One that raised may be repeated with the same reports: an
    outcome that had been recorded after all is not recorded twice. `left` are reports of the last turn that
    are not recorded because somebody else has locked a row that they need: give them to a later turn.
    """

    def __init__(self, *, process_id: UUID) -> None:
        self.process_id = process_id
        self.left = OutcomeBatch()
        self._blocked_until = 0.0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outcome-writer")

    async def turn(
        self,
        reports: OutcomeBatch,
        *,
        free: dict[str, int],
        with_suspect: bool,
        known: Collection[UUID] | None = None,
    ) -> list[ClaimedTask]:
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
        except db_errors.ERRORS as error:
            if db_errors.may_pass(error):
                connection.close()  # the next turn connects anew
            raise

    def _turn(
        self,
        reports: OutcomeBatch,
        free: dict[str, int],
        with_suspect: bool,
        known: Collection[UUID] | None = None,
    ) -> list[ClaimedTask]:
        """Both in one commit when there is much to report; a few outcomes are committed at once."""
        if known is not None:
            transitions.return_unknown_claims(process_id=self.process_id, known={*known, *reports.ids()})
        is_blocked = time.monotonic() < self._blocked_until
        tried = replace(reports, failed=[]) if is_blocked else reports
        with locks.wait_at_most(LOCK_SECONDS):
            moved, claimed = self._record_and_claim(tried, free, with_suspect)
        if is_blocked:
            self.left.failed.extend(reports.failed)
        self._release_after(moved)
        return claimed

    def _record_and_claim(
        self, reports: OutcomeBatch, free: dict[str, int], with_suspect: bool
    ) -> tuple["_Recorded", list[ClaimedTask]]:
        is_shared = len(reports) >= WORTH_SHARING
        self.left = OutcomeBatch()
        try:
            with transaction.atomic() if is_shared else nullcontext():
                moved = self._record(reports, is_alone=not is_shared)
                return moved, self._claim(free, with_suspect)
        except DatabaseError as error:
            self.left = OutcomeBatch()
            if is_shared and locks.is_timeout(error):
                return self._record(reports, is_alone=True), self._claim(free, with_suspect)
            if db_errors.may_pass(error):
                raise
            logger.warning("writing %d outcomes one by one: %s", len(reports), error)
            return self._record_singly(reports), []

    def _claim(self, free: dict[str, int], with_suspect: bool) -> list[ClaimedTask]:
        """A suspect comes first: where work never ends, it would otherwise never find a place."""
        room = {worker_id: places for worker_id, places in free.items() if places}
        suspects: list[ClaimedTask] = []
        if room and with_suspect:
            suspects = transitions.claim_suspect(process_id=self.process_id, worker_ids=list(room))
        for suspect in suspects:
            room[suspect.worker_id] -= 1
        if not any(room.values()):
            return suspects
        return suspects + transitions.claim(process_id=self.process_id, free=room)

    def _record(self, reports: OutcomeBatch, *, is_alone: bool) -> "_Recorded":
        """Returns the ids that others may wait for. `is_alone`: each edge is a transaction of its own."""
        write = self._write_what_is_free if is_alone else self._write
        completed = write("completed", reports.completed)
        write("retried", reports.retried)
        failed = write("failed", reports.failed)
        write("given_back", reports.given_back)
        parked = write("parked", reports.parked)
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
            notifications.notify_workers(task.worker_id for task in (*released, *woken))

    def _write(self, outcome: str, reports: list[AttemptReport]) -> set[UUID]:
        """One edge for all of them; what somebody else has locked is left."""
        reports.sort(key=lambda report: report.id.int)  # one lock order for all who touch these rows
        recorded = _edge(outcome)(reports, process_id=self.process_id)
        self._leave(outcome, [report for report in reports if report.id in recorded.locked])
        return recorded

    def _write_what_is_free(self, outcome: str, reports: list[AttemptReport]) -> set[UUID]:
        """The same. If one of them needs another lock that somebody holds (on its dead letter, on the group
        of its failure), each by itself and for a bounded time, in any order."""
        try:
            with locks.wait_at_most(LOCK_SECONDS):
                return self._write(outcome, reports)
        except OperationalError as error:
            if not locks.is_timeout(error):
                raise
        self._blocked_until = time.monotonic() + BLOCKED_SECONDS
        return self._write_singly(outcome, random.sample(reports, len(reports)))

    def _write_singly(self, outcome: str, reports: list[AttemptReport]) -> set[UUID]:
        done: set[UUID] = set()
        until = time.monotonic() + SINGLY_SECONDS
        for report in reports:
            try:
                if time.monotonic() >= until:
                    self._leave(outcome, [report])
                    continue
                with locks.wait_at_most(ONE_LOCK_SECONDS), transaction.atomic():
                    done |= self._write(outcome, [report])
            except OperationalError as error:
                if not locks.is_timeout(error):
                    raise
                self._leave(outcome, [report])
        return done

    def _leave(self, outcome: str, reports: list[AttemptReport]) -> None:
        getattr(self.left, outcome).extend(reports)

    def _record_singly(self, reports: OutcomeBatch) -> "_Recorded":
        """PostgreSQL refused one of them, so all were rolled back: each by itself, the bad one as failed."""
        recorded = _Recorded(set(), set())
        for one in reports.singly():
            try:
                recorded = recorded.and_also(self._record(one, is_alone=True))
            except DatabaseError as refusal:
                if db_errors.may_pass(refusal):
                    raise
                self._refuse(one, refusal)
        return recorded

    def _refuse(self, one: OutcomeBatch, refusal: DatabaseError) -> None:
        (report,) = one.all()
        logger.error("PostgreSQL refused the outcome of task %s: %s", report.id, refusal)
        error = f"its outcome could not be stored: {type(refusal).__name__}"
        failure = {"cause": "permanent", "error_class": type(refusal).__name__}
        refused = AttemptReport(report.id, report.token, error=error, failure=failure)
        self._write_what_is_free("failed", [refused])


def _edge(outcome: str) -> Callable[..., transitions.Recorded]:
    """The edge that records such outcomes."""
    edges: dict[str, Callable[..., transitions.Recorded]] = {
        "completed": transitions.complete,
        "retried": transitions.retry_later,
        "failed": transitions.fail,
        "given_back": transitions.give_back,
        "parked": transitions.park,
    }
    return edges[outcome]
