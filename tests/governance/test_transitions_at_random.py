"""Any sequence of edges, by anybody, in any order: the history stays whole and no task is lost."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from governance.models import LateResult, Task, TaskDependency, TaskEvent
from governance.tasks import transitions
from governance.tasks.transitions import types
from governance.tasks.transitions.types import AttemptReport, ClaimedTask
from governance.tasks.waits import Wait, WaitKind
from tests.governance import lives
from tests.governance.lives import ENDED, LIVE, OTHER_PROCESS, PROCESS

pytestmark = pytest.mark.slow

processes = st.sampled_from([PROCESS, OTHER_PROCESS])
picks = st.integers(min_value=0, max_value=10_000)
REPORTS = {
    "complete": "completed", "retry_later": "pending", "fail": "failed", "give_back": "pending",
    "park": "parked", "ask": "waiting_approval",
}  # fmt: skip
# What a task waits for that was parked, and the edge that releases it, now that nothing is in the way.
WAITS = {
    "park": Wait(kind=WaitKind.PAUSE, name="EXECUTOR", sentence="EXECUTOR is paused"),
    "ask": Wait(kind=WaitKind.APPROVAL, name=str(lives.NOBODY), sentence="a person must decide"),
}
RELEASES = {"release_unpaused": "pause", "release_decided": "approval", "release_expired_waits": "quota"}


@dataclass
class Expected:
    """What the model knows of a task."""

    status: str = "pending"
    owner: UUID | None = None
    token: int = 0
    runs: int = 0
    errors: int = 0
    crashes: int = 0
    events: int = 1
    wait: str | None = None
    leases: list[ClaimedTask] = field(default_factory=list)

    def goes(self, status: str) -> None:
        self.status, self.owner, self.wait = status, None, None
        self.events += 1


class Life(RuleBasedStateMachine):
    """The tiny model: one `Expected` for each task, told of every edge that the real one took."""

    def __init__(self) -> None:
        super().__init__()
        for model in (TaskDependency, LateResult, TaskEvent, Task):
            model.objects.all().delete()
        self.tasks: dict[UUID, Expected] = {}

    def pick(self, number: int) -> UUID:
        return sorted(self.tasks)[number % len(self.tasks)]

    @rule(priority=st.integers(0, 100))
    def submit(self, priority: int) -> None:
        self.tasks[lives.make(priority=priority, max_attempts=2).pk] = Expected()

    @rule(process=processes, free=st.integers(0, 4))
    def claim(self, process: UUID, free: int) -> None:
        due = [task for task in self.tasks.values() if task.status == "pending" and task.crashes < 2]
        claimed = lives.claim(process=process, free=free)

        assert len(claimed) == min(free, len(due))
        self._claimed(claimed, process)

    @rule(process=processes)
    def claim_suspect(self, process: UUID) -> None:
        suspects = [t for t in self.tasks.values() if t.status == "pending" and t.crashes >= 2]
        claimed = lives.claim_suspect(process=process)

        assert len(claimed) == min(1, len(suspects))
        self._claimed(claimed, process)

    def _claimed(self, claimed: list[ClaimedTask], process: UUID) -> None:
        for lease in claimed:
            task = self.tasks[lease.id]
            assert task.status == "pending"
            assert lease.token > max((held.token for held in task.leases), default=0)
            task.goes("in_progress")
            task.owner, task.token, task.runs = process, lease.token, task.runs + 1
            task.leases.append(lease)

    @precondition(lambda self: any(task.leases for task in self.tasks.values()))
    @rule(edge=st.sampled_from(sorted(REPORTS)), which=picks, old=picks)
    def report(self, edge: str, which: int, old: int) -> None:
        """With the lease it has, or one it had long ago."""
        ran = [task for _, task in sorted(self.tasks.items()) if task.leases]
        task = ran[which % len(ran)]
        lease = task.leases[-1 - old % len(task.leases)]
        holds = task.status == "in_progress" and lease.token == task.token

        wait = WAITS.get(edge)
        moved = getattr(transitions, "park" if wait else edge)(
            [AttemptReport(lease.id, lease.token, result=b"{}", error="it broke", wait=wait)],
            process_id=task.owner or PROCESS,
        )

        assert moved == ({lease.id} if holds else set())
        if holds:
            task.goes(REPORTS[edge])
            task.errors += edge in {"retry_later", "fail"}
            task.runs -= edge in {"give_back", "park", "ask"}
            task.wait = wait.kind if wait else None

    @rule(name=st.sampled_from(sorted(RELEASES)))
    def release(self, name: str) -> None:
        waiting = {each for each, task in self.tasks.items() if task.wait == RELEASES[name]}

        moved = getattr(transitions, name)()

        assert {row.id for row in moved} == waiting
        for task in map(self.tasks.__getitem__, waiting):
            task.goes("pending")

    @rule(process=processes)
    def die(self, process: UUID) -> None:
        held = {each for each, task in self.tasks.items() if task.owner == process}

        moved = transitions.rescue(dead=[process])

        assert {row.id for row in moved} == held
        for task in map(self.tasks.__getitem__, held):
            task.crashes += 1
            task.goes("failed" if task.crashes >= types.MAX_CRASHES else "pending")

    @precondition(lambda self: self.tasks)
    @rule(name=st.sampled_from(["cancel", "terminate", "retry"]), which=st.lists(picks, max_size=3))
    def operate(self, name: str, which: list[int]) -> None:
        begins = ("failed", "cancelled") if name == "retry" else LIVE
        ids = {self.pick(number) for number in which}

        moved = getattr(transitions, name)(list(ids), actor="ann", reason="because")

        assert {row.id for row in moved} == {each for each in ids if self.tasks[each].status in begins}
        for row in moved:
            task = self.tasks[row.id]
            task.goes({"cancel": "cancelled", "terminate": "failed", "retry": "pending"}[name])
            if name == "retry":
                task.errors = task.crashes = 0

    @precondition(lambda self: self.tasks)
    @rule(
        which=picks,
        to=st.sampled_from(["pending", "parked", "waiting_approval", "failed", "cancelled", "completed"]),
    )
    def edit_in_sql(self, which: int, to: str) -> None:
        task_id = self.pick(which)
        task = self.tasks[task_id]

        Task.objects.filter(pk=task_id).update(status=to)

        if task.status != to:
            if to == "pending" and task.status in ENDED:
                task.errors = task.crashes = 0
            task.goes(to)

    @invariant()
    def nothing_is_lost_and_everything_is_where_it_should_be(self) -> None:
        rows = {row.pk: row for row in Task.objects.all()}
        assert rows.keys() == self.tasks.keys()
        for task_id, task in self.tasks.items():
            row = rows[task_id]
            assert (row.status, row.lease_owner) == (task.status, task.owner)
            assert (row.attempts, row.error_attempts, row.crash_attempts) == (
                task.runs,
                task.errors,
                task.crashes,
            )
            assert row.attempts >= row.error_attempts + row.crash_attempts
            assert row.transitions == task.events - 1

    @invariant()
    def every_history_is_whole(self) -> None:
        histories = defaultdict(list)
        for event in TaskEvent.objects.order_by("task_id", "seq"):
            histories[event.task_id].append(event)
        for task_id, task in self.tasks.items():
            history = histories[task_id]
            assert [event.seq for event in history] == list(range(task.events))
            assert [event.from_status for event in history] == ["", *(e.to_status for e in history[:-1])]
            assert all(event.from_status != event.to_status for event in history)
            assert history[-1].to_status == task.status

    def teardown(self) -> None:
        """Whatever happened: what is pending can still be claimed and completed."""
        while claimed := lives.claim() + lives.claim_suspect():
            assert all(lives.complete(task) for task in claimed)
        assert not Task.objects.filter(status="pending").exists()


@pytest.mark.django_db
def test_any_sequence_of_edges_keeps_the_history_whole_and_loses_no_task():
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=50,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
