"""The sliding window: which tasks this process holds, which of them run, and room for how many more."""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from uuid import UUID

from governance.tasks.transitions.types import SUSPECT_CRASHES, ClaimedTask
from reliability.engine.context import TaskContext

# A process that just finished many short tasks may hold this many beyond what it runs, so that the next
# ones are there when the current ones end. Long tasks are never hoarded.
MAX_AHEAD = 200
DEFAULT_CONCURRENCY = 1


@dataclass(slots=True, eq=False)
class Running:
    """A task that is being carried out."""

    task: ClaimedTask
    context: TaskContext
    job: asyncio.Task[None] | None = None
    since: float = field(default_factory=time.monotonic)

    def stop(self) -> None:
        """Make it end at its next `await`, or at its next `context.check()` if it runs in a thread."""
        self.context.is_stopped = True
        if self.job is not None:
            self.job.cancel()


class Slots:
    """Bookkeeping of one worker loop; used on the event loop, read by the heartbeat's thread."""

    def __init__(self, worker_ids: tuple[str, ...]) -> None:
        self.concurrency = dict.fromkeys(worker_ids, DEFAULT_CONCURRENCY)
        self.running: dict[UUID, Running] = {}
        self._waiting: dict[str, deque[tuple[ClaimedTask, float]]] = {name: deque() for name in worker_ids}
        self._busy: Counter[str] = Counter()
        self._finished_since_claim: Counter[str] = Counter()

    def room(self) -> dict[str, int]:
        """How many tasks to claim for each worker: its free places, and some ahead if tasks are short."""
        return {name: max(0, self._wanted(name) - self._held(name)) for name in self.concurrency}

    def _wanted(self, worker_id: str) -> int:
        return self.concurrency[worker_id] + min(MAX_AHEAD, self._finished_since_claim[worker_id])

    def _held(self, worker_id: str) -> int:
        return self._busy[worker_id] + len(self._waiting[worker_id])

    def add(self, claimed: list[ClaimedTask]) -> None:
        self._finished_since_claim.clear()
        now = time.monotonic()
        for task in claimed:
            self._waiting[task.worker_id].append((task, now))

    def startable(self) -> list[ClaimedTask]:
        """Take out the tasks for which there is a place to run now."""
        taken = []
        for name, waiting in self._waiting.items():
            for _ in range(min(len(waiting), self.concurrency[name] - self._busy[name])):
                taken.append(_as_of_now(*waiting.popleft()))
                self._busy[name] += 1
        return taken

    def start(self, entry: Running) -> None:
        """The task runs. If it runs here already, its lease was lost in between: that run is over."""
        former = self.running.get(entry.task.id)
        if former is not None:
            former.stop()
            self.end(former)
        self.running[entry.task.id] = entry

    def end(self, entry: Running) -> None:
        """The task no longer runs; nothing happens if that was said before."""
        if self.running.get(entry.task.id) is entry:
            del self.running[entry.task.id]
            self._busy[entry.task.worker_id] -= 1
            self._finished_since_claim[entry.task.worker_id] += 1

    def take_waiting(self, *, longer_than: float = 0.0) -> list[ClaimedTask]:
        """Take out what was claimed so many seconds ago and not started."""
        before, taken = time.monotonic() - longer_than, []
        for waiting in self._waiting.values():
            while waiting and waiting[0][1] <= before:
                taken.append(waiting.popleft()[0])
        return taken

    def drop_waiting(self, lost: dict[UUID, int]) -> None:
        """Forget what was lost (id and token) before it was started."""
        for name, waiting in self._waiting.items():
            self._waiting[name] = deque(entry for entry in waiting if lost.get(entry[0].id) != entry[0].token)

    @property
    def has_suspect(self) -> bool:
        """Whether a task is here whose process died under it twice before, and that has not got on since."""
        waiting = (task.is_suspect for tasks in self._waiting.values() for task, _ in tasks)
        running = (entry.context.crash_attempts >= SUSPECT_CRASHES for entry in self.running.values())
        return any(waiting) or any(running)

    def ids(self) -> set[UUID]:
        """Every task that is here, running or not."""
        waiting = (task.id for tasks in self._waiting.values() for task, _ in tasks)
        return {*self.running, *waiting}

    def __len__(self) -> int:
        return len(self.running) + sum(len(waiting) for waiting in self._waiting.values())

    def held_longer_than(self, seconds: float) -> dict[UUID, int]:
        """Id and token of every task held for so long, in the order of ids."""
        before = time.monotonic() - seconds
        held = {e.task.id: e.task.token for e in list(self.running.values()) if e.since < before}
        for waiting in list(self._waiting.values()):
            held |= {task.id: task.token for task, since in list(waiting) if since < before}
        return dict(sorted(held.items()))


def _as_of_now(task: ClaimedTask, since: float) -> ClaimedTask:
    """The time that it waited here counts against its deadline."""
    if task.deadline_in is None:
        return task
    return task._replace(deadline_in=max(0.0, task.deadline_in - (time.monotonic() - since)))
