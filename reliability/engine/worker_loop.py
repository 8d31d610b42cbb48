"""The worker loop: what a worker process does all its life. Claim, run, report, until asked to leave."""

import asyncio
import logging
import os
import time
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from governance.db import errors as db_errors
from governance.db import notifications, pooler
from governance.tasks.transitions.types import AttemptReport, ClaimedTask
from reliability import calls
from reliability.cluster import shared_state
from reliability.engine import attempt
from reliability.engine.context import TaskContext
from reliability.engine.heartbeat import Heartbeat
from reliability.engine.listener import Listener
from reliability.engine.outcome_writer import MAX_BATCH, OutcomeBatch, OutcomeWriter
from reliability.engine.slots import Running, Slots
from reliability.engine.threads import Threads

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
TICK_SECONDS = 0.2
# While other tasks run, outcomes are gathered for so long before they are written together.
GATHER_SECONDS = 0.005
# Time kept back at the end of the grace to give unfinished tasks back.
FAREWELL_SECONDS = 2.0
# How long calls that were stopped may take to be booked.
LAST_CALLS_SECONDS = 2.0
# What was claimed ahead and finds no place within this time is for others to take.
HOARD_SECONDS = 1.0
# An outcome whose row somebody else has locked is tried again after so long, then twice as long, up to the
# most. The first is for the heartbeat, which locks rows for milliseconds.
LOCKED_SECONDS = 0.05
LOCKED_SECONDS_MOST = 2.0


class WorkerLoop:
    """One process's work for its workers. All of it runs on one event loop; see `run`."""

    def __init__(
        self, *, process_id: UUID, worker_ids: tuple[str, ...], beat: shared_state.ProcessState
    ) -> None:
        self.process_id = process_id
        self.worker_ids = worker_ids
        self.moved_at = time.monotonic()
        self.finished = 0
        self.is_leaving = False
        self._beat = beat
        self._window = Slots(worker_ids)
        self._reports = OutcomeBatch()
        self._locked = OutcomeBatch()
        self._locked_seconds = LOCKED_SECONDS
        self._locked_until = 0.0
        self._bell = asyncio.Event()
        self._is_registered = asyncio.Event()
        self._may_have_more = True
        self._is_away = False
        self._has_lost_answers = False
        self._seek_suspects_at: dict[str, float] = {}
        self._clerk = OutcomeWriter(process_id=process_id)
        self._threads = Threads(settings.JUGGERNAUT_SYNC_THREADS)
        self._listener = Listener(self._on_ring)
        self._heartbeat = Heartbeat(self, on_lost=self._on_lost, on_concurrency=self._on_concurrency)

    async def run(self) -> None:
        """Stay until asked to leave; then let running tasks finish, and give back what does not."""
        self._loop = asyncio.get_running_loop()
        ticking = self._loop.create_task(self._tick())
        self._heartbeat.start()
        try:
            await self._until_registered()
            while not self._should_leave():
                self._give_back(self._window.take_waiting(longer_than=HOARD_SECONDS))
                await self._turn()
                await self._pause()
            await self._leave()
        finally:
            ticking.cancel()
            self._heartbeat.stop()  # whatever ended the worker loop: nobody renews leases for it

    # ------------------------------------------------------------------------------ the heartbeat's view

    def held_longer_than(self, seconds: float) -> dict[UUID, int]:
        """Id and token of every task held for so long, and of those whose outcome cannot be written yet."""
        return self._window.held_longer_than(seconds) | {r.id: r.token for r in self._locked.all()}

    def in_flight(self) -> int:
        return len(self._window)

    def _on_lost(self, lost: dict[UUID, int]) -> None:
        self._loop.call_soon_threadsafe(self._drop, lost)

    def _on_concurrency(self, concurrency: dict[str, int]) -> None:
        self._window.concurrency.update(concurrency)
        self._loop.call_soon_threadsafe(self._is_registered.set)

    # ------------------------------------------------------------------------------------------ the loop

    async def _until_registered(self) -> None:
        """No claim before the process is known: its leases name it."""
        while not (self._is_registered.is_set() or self._should_leave()):
            await self._wait_for(self._is_registered)

    async def _wait_for(self, event: asyncio.Event, *, seconds: float = POLL_SECONDS) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await event.wait()
        except TimeoutError:
            return False

    async def _turn(self) -> None:
        """Report what ended and claim what fits, in one go; on a broken connection keep both for later."""
        reports, self._reports = self._reports, OutcomeBatch()
        if time.monotonic() >= self._locked_until:
            reports.extend(self._locked)
            self._locked = OutcomeBatch()
        known = self._window.ids() | {*self._locked.ids()} if self._has_lost_answers else None
        room = {} if self.is_leaving else self._window.room()
        self._bell.clear()
        try:
            claimed = await self._clerk.turn(
                reports, free=room, with_suspect=self._wants_suspect(room), known=known
            )
        except (DatabaseError, InterfaceError) as error:
            self._has_lost_answers = True
            self._put_back(reports)
            self._complain(error)
            await asyncio.sleep(POLL_SECONDS)
            return
        self._is_away = self._has_lost_answers = False
        self._keep_locked(self._clerk.left)
        self._may_have_more = 0 < len(claimed) >= min(free for free in room.values() if free)
        self._window.add(claimed)
        self._start_what_fits()

    def _wants_suspect(self, room: dict[str, int]) -> bool:
        """Once a second for each worker that has room is enough, and after each that ended: they are rare,
        but come in hundreds when their neighbour killed their process twice."""
        now = time.monotonic()
        roomy = [name for name, free in room.items() if free]
        if self._window.has_suspect or all(now < self._seek_suspects_at.get(name, 0.0) for name in roomy):
            return False
        self._seek_suspects_at.update(dict.fromkeys(roomy, now + POLL_SECONDS))
        return True

    def _put_back(self, reports: OutcomeBatch) -> None:
        """What could not be written is written with the next turn, before what came since."""
        late, self._reports = self._reports, reports
        for name in OutcomeBatch.__slots__:
            getattr(self._reports, name).extend(getattr(late, name))

    def _keep_locked(self, left: OutcomeBatch) -> None:
        """Outcomes that wait for a lock of somebody else: their leases are renewed, the next turns go on."""
        if not len(left):
            if not len(self._locked):
                self._locked_seconds = LOCKED_SECONDS
            return
        self._locked.extend(left)
        self._locked_until = time.monotonic() + self._locked_seconds
        longer = min(2 * self._locked_seconds, LOCKED_SECONDS_MOST)
        if self._locked_seconds < longer == LOCKED_SECONDS_MOST:  # once for each lock, not with every try
            logger.warning("%d outcomes wait for rows that somebody has locked", len(self._locked))
        self._locked_seconds = longer

    def _seconds_to_wait(self) -> float:
        """Until the next poll, or until what was locked is tried again."""
        if not len(self._locked):
            return POLL_SECONDS
        return min(POLL_SECONDS, max(0.0, self._locked_until - time.monotonic()))

    def _complain(self, error: Exception) -> None:
        if not self._is_away:  # once for each outage, not every second
            logger.error(db_errors.describe_if_unavailable(error))
        self._is_away = True

    async def _pause(self) -> None:
        """Until a task ends, the notification rings or a second has passed; not at all while there is
        more."""
        if len(self._reports) or (self._may_have_more and any(self._window.room().values())):
            await asyncio.sleep(0)
            return
        if not (self._listener.is_listening or self._listener.is_impossible):
            await self._listen()
        seconds = self._seconds_to_wait()
        if self._listener.is_impossible:
            seconds = min(seconds, pooler.POLL_SECONDS)
        is_rung = await self._wait_for(self._bell, seconds=seconds)
        if is_rung and self._window.running and len(self._reports) < MAX_BATCH:
            await asyncio.sleep(GATHER_SECONDS)

    async def _listen(self) -> None:
        try:
            await self._listener.connect()
        except Exception as error:  # noqa: BLE001 psycopg2's own errors, unwrapped; the poll goes on
            self._complain(error)

    def _on_ring(self, payload: str) -> None:
        if payload == notifications.STOP:
            self._heartbeat.poke()
        elif payload in self._window.concurrency:
            self._bell.set()

    async def _tick(self) -> None:
        while True:
            self._beat.tick()
            self.moved_at = time.monotonic()
            if self._beat.should_leave:
                self._bell.set()
                self._is_registered.set()
            await asyncio.sleep(TICK_SECONDS)

    def _should_leave(self) -> bool:
        """Asked to, or too many threads are stuck in tasks that are over: a fresh process is better."""
        return self._beat.should_leave or self._threads.abandoned * 2 >= self._threads.size

    # ------------------------------------------------------------------------------------------- running

    def _start_what_fits(self) -> None:
        for task in self._window.startable():
            context = TaskContext(
                task_id=task.id,
                worker_id=task.worker_id,
                attempt=task.attempt,
                lease_token=task.token,
                crash_attempts=task.crash_attempts,
            )
            entry = Running(task, context)
            self._window.start(entry)
            entry.job = self._loop.create_task(self._carry_out(entry))

    async def _carry_out(self, entry: Running) -> None:
        task = entry.task
        try:
            ending = await attempt.run(task, entry.context, threads=self._threads, on_late=self._on_late)
        except asyncio.CancelledError:
            return  # taken from us or given back: others write what becomes of it
        finally:
            self._window.end(entry)
            self._bell.set()
            if task.is_suspect:
                self._seek_suspects_at.clear()
        self.finished += 1
        self._note(task, ending)
        if not self.is_leaving:
            self._start_what_fits()

    def _note(self, task: ClaimedTask, ending: attempt.Ending) -> None:
        match ending:
            case attempt.Completed(result):
                self._reports.completed.append(AttemptReport(task.id, task.token, result=result))
            case attempt.RetryLater(error, delay):
                self._reports.retried.append(AttemptReport(task.id, task.token, error=error, delay=delay))
            case attempt.Failed(error, failure):
                self._reports.failed.append(AttemptReport(task.id, task.token, error=error, failure=failure))
            case attempt.Parked(wait):
                self._reports.parked.append(AttemptReport(task.id, task.token, wait=wait))

    def _on_late(self, task: ClaimedTask, result: bytes) -> None:
        """In the abandoned thread: its result is reported like any other, and refused by its token."""
        report = AttemptReport(task.id, task.token, result=result)
        self._loop.call_soon_threadsafe(self._reports_append_late, report)

    def _reports_append_late(self, report: AttemptReport) -> None:
        self._reports.completed.append(report)
        self._bell.set()

    def _drop(self, lost: dict[UUID, int]) -> None:
        """Stop what an operator ended or the watchdog gave to another: id and token of each."""
        self._window.drop_waiting(lost)
        for task_id, token in lost.items():
            entry = self._window.running.get(task_id)
            if entry is not None and entry.task.token == token:
                logger.warning("task %s was taken from this worker: stopping it", task_id)
                entry.stop()

    # ------------------------------------------------------------------------------------------- leaving

    async def _leave(self) -> None:
        self.is_leaving = True
        self._give_back(self._window.take_waiting())
        deadline = min(self._beat.leave_by, time.monotonic() + settings.JUGGERNAUT_GRACE_SECONDS)
        await self._finish_running(until=deadline - FAREWELL_SECONDS)
        for entry in list(self._window.running.values()):
            entry.stop()
            self._give_back([entry.task])
        while (len(self._reports) or len(self._locked)) and time.monotonic() < deadline:
            await self._turn()
            if len(self._locked):
                await asyncio.sleep(min(self._seconds_to_wait(), TICK_SECONDS))
        await self._close()

    async def _finish_running(self, *, until: float) -> None:
        while self._window.running and time.monotonic() < until:
            await self._turn()
            await self._pause()

    def _give_back(self, tasks: list[ClaimedTask]) -> None:
        self._reports.given_back.extend(AttemptReport(task.id, task.token) for task in tasks)

    async def _close(self) -> None:
        await asyncio.to_thread(calls.leave, LAST_CALLS_SECONDS)
        await asyncio.to_thread(self._heartbeat.stop)
        self._listener.close()
        await self._clerk.close()
        self._threads.close()
        if self._threads.abandoned:
            logger.warning("%d threads are stuck in tasks that are over", self._threads.abandoned)
            logging.shutdown()
            os._exit(0)  # the interpreter would wait for them at its end
