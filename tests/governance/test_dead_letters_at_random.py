"""Any sequence of fail, retry, resolve, redrive, crash and SQL edits: none is lost or doubled."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import Error, connection
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from governance.access.actors import Actor
from governance.models import DeadLetter, Task, TaskEvent
from governance.tasks import services as tasks
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from reliability import redrives
from reliability.dead_letters import filters
from reliability.dead_letters import services as dead_letters
from reliability.models import Redrive, RedriveItem
from tests.fleet import enlist
from tests.governance import letters, lives
from tests.governance.letter_model import LIVE, OPEN, Known

ANN = Actor("ann", is_trusted=True)
PENDING = filters.parse({"status": "pending"})
picks = st.integers(min_value=0, max_value=10_000)
errors = st.sampled_from(["connection reset", "pallet 7 is gone", "pallet 8 is gone", ""])
STATES = sorted(Task.Status.values)
LETTER_EDITS = [
    "status = 'resolved'", "status = 'pending'", "status = 'retrying'", "error_message = 'edited 1'",
    "cost_usd = cost_usd + 0.5", "worker_id = 'ANALYST'", "task_id = gen_random_uuid()",
]  # fmt: skip


def sql(statement: str, *parameters: Any) -> bool:
    """Whether the database let it happen."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
    except Error:
        return False
    return True


class Lives(RuleBasedStateMachine):
    """Everything that people, workers and the watchdog do, each step committed."""

    def __init__(self) -> None:
        super().__init__()
        sql("TRUNCATE governance_tasks, task_events, failure_signatures, redrives CASCADE")
        self.tasks: dict[UUID, Known] = {}
        self.completed: set[UUID] = set()
        self.items: dict[int, str] = {}
        self.clock: datetime = timezone.now()
        self.deleted = 0

    def some(self, number: int) -> UUID:
        return sorted(self.tasks)[number % len(self.tasks)]

    def a_letter(self, number: int) -> DeadLetter:
        known = DeadLetter.objects.order_by("pk")
        return known[number % len(known)]

    @initialize(error=errors)
    def begin(self, error: str) -> None:
        """Every run has letters from its beginning; hypothesis leaves out some rules in each."""
        self.submit()
        self.work(["f", "f", "c"], error)
        self.submit()

    @rule()
    def submit(self) -> None:
        for _ in range(4):
            self.tasks[lives.make().pk] = Known()

    # ---------------------------------------------------------------------------------- the engine

    @rule(free=st.integers(1, 4))
    def claim(self, free: int) -> None:
        process = uuid4()
        for lease in lives.claim(free=free, process=process) + lives.claim_suspect(process=process):
            self.tasks[lease.id].starts(lease, process)

    def running(self, number: int) -> Known | None:
        found = [known for _, known in sorted(self.tasks.items()) if known.lease]
        return found[number % len(found)] if found else None

    def _reported(self, edge: Callable[..., set[UUID]], known: Known, error: str = "") -> UUID:
        """Its process reports on it, and is heard."""
        assert known.lease
        report = AttemptReport(known.lease.id, known.lease.token, result=b"{}", error=error)
        assert edge([report], process_id=known.process) == {report.id}
        return report.id

    @rule(which=picks)
    def complete(self, which: int) -> None:
        if known := self.running(which):
            self._closes_letter(self._reported(transitions.complete, known))
            known.goes("completed")

    @rule(which=picks, error=errors)
    def fail(self, which: int, error: str) -> None:
        if known := self.running(which):
            self._reported(transitions.fail, known, error)
            known.dies()

    @rule(which=picks)
    def fail_for_now(self, which: int) -> None:
        if known := self.running(which):
            self._reported(transitions.retry_later, known)
            known.goes("pending")

    @rule(which=picks)
    def crash(self, which: int) -> None:
        """A process dies with all it holds."""
        if known := self.running(which):
            process = known.process
            assert process
            transitions.rescue(dead=[process])
            for each in self.tasks.values():
                if each.process == process:
                    each.crashes_once()

    @precondition(lambda self: any(known.old for known in self.tasks.values()))
    @rule(which=picks, late=st.sampled_from([lives.complete, lives.fail]))
    def report_too_late(self, which: int, late: Callable[..., bool]) -> None:
        old = [lease for _, known in sorted(self.tasks.items()) for lease in known.old]

        assert not late(old[which % len(old)])

    @precondition(lambda self: self.tasks)
    @rule(which=picks)
    def expire(self, which: int) -> None:
        task_id = self.some(which)
        known = self.tasks[task_id]
        sql("UPDATE governance_tasks SET deadline = now() - interval '1 s' WHERE id = %s", task_id)
        transitions.expire()
        sql("UPDATE governance_tasks SET deadline = NULL WHERE id = %s", task_id)
        if known.status in LIVE - {"in_progress"}:
            known.dies()

    @rule(ends=st.lists(st.sampled_from([*"cfffr"]), min_size=1, max_size=4), error=errors)
    def work(self, ends: list[str], error: str) -> None:
        """A worker takes tasks and ends them: completed, failed, or to be retried later."""
        self.claim(len(ends))
        for end in ends:
            {"c": self.complete, "f": lambda n: self.fail(n, error), "r": self.fail_for_now}[end](0)

    # --------------------------------------------------------------------------------- the operators

    @precondition(lambda self: self.tasks)
    @rule(verb=st.sampled_from(["cancel", "terminate", "retry", "move"]), which=st.lists(picks, max_size=3))
    def operate_on_tasks(self, verb: str, which: list[int]) -> None:
        ids = {self.some(number) for number in which}
        call = dead_letters.move if verb == "move" else getattr(tasks, verb)

        outcome = call(list(ids), actor=ANN, reason="because of 7")

        begins = {"failed", "cancelled"} if verb == "retry" else LIVE
        assert set(outcome.moved) == {each for each in ids if self.tasks[each].status in begins}
        for task_id in outcome.moved:
            known = self.tasks[task_id]
            if verb == "move":
                known.dies()
            else:
                known.goes({"cancel": "cancelled", "terminate": "failed", "retry": "pending"}[verb])

    @precondition(lambda self: DeadLetter.objects.exists())
    @rule(verb=st.sampled_from(["retry", "resolve"]), which=st.lists(picks, min_size=1, max_size=3))
    def operate_on_letters(self, verb: str, which: list[int]) -> None:
        chosen = {letter.pk: letter for letter in map(self.a_letter, which)}
        words = {"reason": "again"} if verb == "retry" else {"note": "known"}

        outcome = getattr(dead_letters, verb)(list(chosen), actor=ANN, **words)

        begins = {"pending"} if verb == "retry" else OPEN
        assert set(outcome.moved) == {pk for pk, letter in chosen.items() if letter.status in begins}
        assert outcome.skipped == {
            pk: letter.status for pk, letter in chosen.items() if letter.status not in begins
        }
        for letter_id in outcome.moved:
            known = self.tasks[chosen[letter_id].task_id]
            if verb == "retry":
                known.goes("pending")
            else:
                known.open = ""

    @precondition(lambda self: any(known.open == "pending" for known in self.tasks.values()))
    @rule(canary=st.booleans())
    def redrive(self, canary: bool) -> None:
        redrives.start(PENDING, actor=ANN, reason="again", canary=canary, pace=2.0)
        self._redrives_moved()

    @rule(seconds=st.integers(0, 10))
    def advance(self, seconds: int) -> None:
        self.clock = max(self.clock, timezone.now()) + timedelta(seconds=seconds)
        redrives.advance(self.clock)
        self._redrives_moved()

    @precondition(lambda self: Redrive.objects.filter(finished_at=None).exists())
    @rule(verb=st.sampled_from(["pause", "resume", "abort"]))
    def operate_on_a_redrive(self, verb: str) -> None:
        begins = ["paused"] if verb == "resume" else ["running"]
        if redrive := Redrive.objects.filter(state__in=begins).first():
            words = {"reason": "enough"} if verb == "abort" else {}
            getattr(redrives, verb)(redrive.pk, actor=ANN, **words)

    def _redrives_moved(self) -> None:
        """Items that were just handed over had a pending letter, and go on from there."""
        for item in RedriveItem.objects.all():
            was = self.items.get(item.pk, "waiting")
            if item.state == "handed_over" and was != "handed_over":
                assert was == "waiting"
                known = self.tasks[item.task_id]
                assert (known.status, known.open) == ("failed", "pending")
                known.goes("pending")
            self.items[item.pk] = item.state

    # -------------------------------------------------------------------------------------- psql

    @precondition(lambda self: self.tasks)
    @rule(which=picks, status=st.sampled_from(STATES))
    def edit_a_task(self, which: int, status: str) -> None:
        task_id = self.some(which)
        known = self.tasks[task_id]

        done = sql("UPDATE governance_tasks SET status = %s WHERE id = %s", status, task_id)

        assert done == (status != "in_progress" or known.status == status)
        if done and status != known.status:
            known.goes(status)
            self._closes_letter(task_id)

    @precondition(lambda self: self.tasks)
    @rule(which=picks)
    def let_a_task_forget_its_letter(self, which: int) -> None:
        task_id = self.some(which)

        done = sql("UPDATE governance_tasks SET dead_letter_id = NULL WHERE id = %s", task_id)

        assert done == (not self.tasks[task_id].open)

    @precondition(lambda self: len(self.tasks) > 6)
    @rule(which=picks)
    def delete_a_task(self, which: int) -> None:
        task_id = self.some(which)
        had_letters = DeadLetter.objects.filter(task_id=task_id).exists()

        done = sql("DELETE FROM governance_tasks WHERE id = %s", task_id)

        assert done == (not had_letters)
        if done:
            del self.tasks[task_id]

    @precondition(lambda self: DeadLetter.objects.exists())
    @rule(which=picks, edit=st.sampled_from(LETTER_EDITS))
    def edit_a_letter(self, which: int, edit: str) -> None:
        letter = self.a_letter(which)

        done = sql(f"UPDATE dead_letter_queue SET {edit} WHERE id = %s", letter.pk)

        changes_status = edit.startswith("status") and edit != f"status = '{letter.status}'"
        assert done == (not edit.startswith("task_id") and (not changes_status or "resolved" in edit))
        if done and changes_status:
            self.tasks[letter.task_id].open = ""

    @precondition(lambda self: DeadLetter.objects.exists())
    @rule(which=picks)
    def delete_a_letter(self, which: int) -> None:
        letter = self.a_letter(which)

        done = sql("DELETE FROM dead_letter_queue WHERE id = %s", letter.pk)

        assert done == (letter.status == "resolved")
        if done:
            self.tasks[letter.task_id].letters -= 1

    def _closes_letter(self, task_id: UUID) -> None:
        """The open letter of this task, if it had one, was closed by its completion."""
        closed = DeadLetter.objects.filter(task_id=task_id, outcome="completed")
        self.completed |= set(closed.values_list("pk", flat=True))

    # --------------------------------------------------------------------------------- what must hold

    @invariant()
    def no_task_is_lost_and_none_stands_elsewhere(self) -> None:
        rows = dict(Task.objects.values_list("pk", "status"))
        assert rows == {task_id: known.status for task_id, known in self.tasks.items()}

    @invariant()
    def nothing_is_completed_twice(self) -> None:
        completions = TaskEvent.objects.filter(to_status="completed", task_id__in=list(self.tasks))
        found = Counter(completions.values_list("task_id", flat=True))
        assert {task_id: found[task_id] for task_id in self.tasks} == {
            task_id: known.completions for task_id, known in self.tasks.items()
        }

    @invariant()
    def each_task_has_the_letters_it_should(self) -> None:
        found: dict[UUID, list[str]] = {task_id: [] for task_id in self.tasks}
        for task_id, status in DeadLetter.objects.values_list("task_id", "status"):
            found[task_id].append(status)
        for task_id, known in self.tasks.items():
            assert len(found[task_id]) == known.letters
            assert [status for status in found[task_id] if status in OPEN] == (
                [known.open] if known.open else []
            )

    @invariant()
    def links_and_counts_agree_with_their_rows(self) -> None:
        letters.assert_sound()

    @invariant()
    def redrives_count_their_items_and_know_who_succeeded(self) -> None:
        found = Counter(RedriveItem.objects.values_list("redrive_id", "state"))
        for redrive in Redrive.objects.all():
            for state in RedriveItem.State.values:
                assert getattr(redrive, state) == found[redrive.pk, state]
        succeeded = RedriveItem.objects.filter(state="succeeded").values_list("letter_id", flat=True)
        assert set(succeeded) <= self.completed

    def teardown(self) -> None:
        """Whatever happened: every open letter can still be retried, and completing closes it."""
        ids = list(DeadLetter.objects.filter(status="pending").values_list("pk", flat=True))
        assert len(dead_letters.retry(ids, actor=ANN, reason="the last time").moved) == len(ids)
        for status in LIVE - {"pending"}:
            sql("UPDATE governance_tasks SET status = 'pending' WHERE status = %s", status)
        while claimed := lives.claim() + lives.claim_suspect():
            assert all(lives.complete(task) for task in claimed)
        assert not DeadLetter.objects.exclude(status="resolved").exists()
        self.completed |= set(DeadLetter.objects.filter(outcome="completed").values_list("pk", flat=True))
        redrives.advance(self.clock)
        assert not RedriveItem.objects.filter(state="handed_over").exists()
        self.redrives_count_their_items_and_know_who_succeeded()
        letters.assert_sound()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_sequence_of_events_loses_doubles_or_miscounts_anything():
    enlist()

    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
