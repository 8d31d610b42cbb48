"""What may go goes, what must stay stays, and every sum is right before, between and after."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import retention
from governance.errors import Forbidden, InvalidInput
from governance.models import (
    AuditEntry,
    BudgetHold,
    BudgetWindow,
    DeadLetter,
    LateResult,
    RetentionWalk,
    Task,
    TaskDependency,
    TaskEvent,
    TaskStep,
    ToolExecution,
    WorkflowStep,
)
from governance.tasks import transitions
from juggernaut import sample
from tests.governance import letters, samples
from tests.governance.aging import (
    ANN,
    LATER,
    NOBODY,
    aged,
    assert_sound,
    ended,
    keeps,
    left,
    prune,
    scalar,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

TABLES = ("governance_tasks", "task_events", "task_late_results", "task_steps", "tool_executions")


@pytest.fixture
def worn():
    """A system of four hundred days."""
    size = {"tasks": 400, "letters": 80, "lines": 800, "calls": 400, "groups": 5, "days": 400}
    list(sample.load(sample.Size(**size, slice=200, surroundings=False)))
    assert_sound()


class TestTasks:
    @pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
    def test_one_goes_when_it_is_older_than_the_rule_of_its_state(self, status):
        old, young = ended(status), ended(status, days=1)

        prune(LATER)

        assert left(old, young) == {young}

    @pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
    def test_one_stays_for_ever_when_the_rule_says_so(self, status):
        old = ended(status)
        keeps(f"{status} tasks", None)

        prune(LATER)

        assert left(old) == {old}

    @pytest.mark.parametrize("status", ["pending", "in_progress", "parked"])
    def test_one_that_lives_stays_however_old_it_is(self, status):
        task_id = samples.in_state(status)

        prune(LATER + timedelta(days=1000))

        assert left(task_id) == {task_id}

    def test_all_that_belongs_to_one_goes_with_it(self, worn):
        [old] = Task.objects.filter(task_type="agent", status="completed").order_by("pk")[:1]
        TaskStep.objects.create(task=old, turn=9, kind="answer", content={})

        prune(older_than=timedelta(days=100))

        assert not left(old.pk)
        for kind in (TaskEvent, LateResult, TaskStep, ToolExecution):
            assert not kind.objects.exclude(task_id__in=Task.objects.values("pk")).exists()
        assert not WorkflowStep.objects.exclude(workflow__in=Task.objects.values("pk")).exists()

    def test_the_window_of_its_envelope_goes_with_it_and_that_of_others_stays(self):
        old, young = ended(), ended(days=1)
        for task_id in (old, young):
            BudgetWindow.objects.create(scope=f"task:{task_id}", kind="task", starts_at=timezone.now())

        prune(LATER)

        assert list(BudgetWindow.objects.values_list("scope", flat=True)) == [f"task:{young}"]

    def test_one_with_an_open_letter_stays_until_the_letter_is_resolved_and_old(self):
        letter = letters.failed()
        aged(letter.task_id, 400)

        prune(LATER)
        assert left(letter.task_id)

        letters.sql("UPDATE dead_letter_queue SET status = 'resolved', resolution = 'by hand'")
        DeadLetter.objects.update(resolved_at=LATER - timedelta(days=1))
        prune(LATER)
        assert left(letter.task_id)

        DeadLetter.objects.update(resolved_at=LATER - timedelta(days=400))
        prune(LATER)
        assert not left(letter.task_id)
        letters.assert_sound()

    def test_one_with_money_held_for_it_stays(self):
        old = ended()
        BudgetHold.objects.create(
            worker_id="ANALYST", task_id=old, amount_usd=1, windows=[], expires_at=timezone.now()
        )

        prune(LATER)

        assert left(old) == {old}

    def test_one_that_a_living_or_failed_task_depends_on_stays(self):
        first, second, third = ended(), ended(), ended()
        broken, done, waiting = ended("failed", days=1), ended(days=1), samples.submit()
        for task, before in ((waiting, first), (broken, second), (done, third)):
            TaskDependency.objects.create(task_id=task, depends_on_id=before)

        prune(LATER)

        assert left(first, second, third) == {first, second}

    def test_a_tree_goes_as_a_whole_or_not_at_all(self):
        root, kept_root = ended(), ended()
        children = [ended(parent_id=root) for _ in range(3)] + [ended("failed", parent_id=root)]
        ended(parent_id=children[0])
        old, young = ended(parent_id=kept_root), ended(parent_id=kept_root, days=1)
        TaskDependency.objects.create(task_id=children[3], depends_on_id=children[0])

        prune(LATER)

        assert set(Task.objects.values_list("pk", flat=True)) == {kept_root, old, young}

    def test_children_of_a_living_parent_stay(self):
        parent = samples.in_state("in_progress")
        child = ended(parent_id=parent)

        prune(LATER)

        assert left(child) == {child}

    def test_one_with_an_id_that_holds_no_time_goes_too(self):
        random = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
        letters.sql(
            "INSERT INTO governance_tasks (id, task_type, status, completed_at)"
            f" VALUES ('{random}', 'evaluation', 'completed', now())"
        )

        prune(LATER)

        assert not left(random)

    def test_one_that_somebody_retries_at_this_moment_stays_with_its_history(self, monkeypatch):
        from governance.retention import subtrees

        task_id = ended("failed")
        found = subtrees._rows

        def retried_in_between(statement, facts):
            rows = found(statement, facts)
            if statement is subtrees._TREES:
                transitions.retry([task_id], actor="ann", reason="again")
            return rows

        monkeypatch.setattr(subtrees, "_rows", retried_in_between)
        prune(LATER)

        assert Task.objects.get(pk=task_id).status == "pending"
        assert TaskEvent.objects.filter(task_id=task_id).count() == 3

    @pytest.mark.parametrize(
        ("rule", "table"),
        [
            ("events", "task_events"),
            ("late results", "task_late_results"),
            ("steps", "task_steps"),
            ("calls", "tool_executions"),
        ],
    )
    def test_a_part_goes_before_its_task_when_its_rule_is_shorter(self, worn, rule, table):
        for name in ("completed tasks", "failed tasks", "cancelled tasks", "resolved letters"):
            keeps(name, None)
        keeps(rule, 30)
        tasks, parts = Task.objects.count(), scalar(f"SELECT count(*) FROM {table}")
        kept = of_open_letters(table)

        removed = prune(only=["tasks"])

        assert removed == {table: parts - scalar(f"SELECT count(*) FROM {table}")}
        assert Task.objects.count() == tasks
        assert not scalar(f"""
          SELECT count(*) FROM {table} e JOIN governance_tasks t ON t.id = e.task_id
          WHERE t.completed_at < now() - interval '31 days' AND t.dead_letter_id IS NULL""")
        assert of_open_letters(table) == kept


def of_open_letters(table):
    return scalar(f"""
      SELECT count(*) FROM {table} e JOIN governance_tasks t ON t.id = e.task_id
      WHERE t.dead_letter_id IS NOT NULL""")


class TestSums:
    def test_everything_agrees_after_every_step(self, worn):
        removed = 0
        for step in retention.prune(actor=ANN):
            assert_sound()
            removed += sum(step.deleted.values())

        assert removed > 1000

    def test_the_ledger_its_summaries_and_the_windows_stay_as_they_were(self, worn):
        before = [
            scalar(f"SELECT sum({what}) FROM {table} WHERE {where}")
            for what, table, where in (
                ("cost_usd", "api_cost_tracking", "true"),
                ("cost_usd", "cost_hours", "true"),
                ("cost_usd", "task_costs", "true"),
                ("spent", "budget_windows", "kind <> 'task'"),
            )
        ]

        prune()

        after = [
            scalar("SELECT sum(cost_usd) FROM api_cost_tracking"),
            scalar("SELECT sum(cost_usd) FROM cost_hours"),
            scalar("SELECT sum(cost_usd) FROM task_costs"),
            scalar("SELECT sum(spent) FROM budget_windows"),
        ]
        assert after == before
        assert not BudgetHold.objects.filter(
            ended_at__lt=timezone.now() - timedelta(days=46), task_id__isnull=True
        ).exists()

    def test_holds_of_tasks_that_stay_and_of_open_windows_stay(self, worn):
        prune(older_than=timedelta(days=0), only=["ended holds"])

        assert BudgetHold.objects.count() == 800

    def test_the_counts_of_groups_follow_the_letters_that_go(self, worn):
        before = scalar("SELECT sum(resolved) FROM failure_signatures")

        removed = prune(only=["resolved letters"])

        assert (
            before - scalar("SELECT sum(resolved) FROM failure_signatures")
            == removed["dead_letter_queue"]
            > 0
        )
        letters.assert_sound()

    def test_unresolved_letters_never_go(self, worn):
        open_letters = DeadLetter.objects.exclude(status="resolved").count()

        prune(older_than=timedelta(days=1))

        assert DeadLetter.objects.exclude(status="resolved").count() == open_letters == 72


class TestPrune:
    def test_a_dry_run_says_what_would_go_and_changes_nothing(self, worn):
        said = prune(is_dry=True, only=["tasks"])

        assert AuditEntry.objects.filter(action="retention.prune").count() == 0
        assert Task.objects.count() == 400
        assert prune(only=["tasks"]) == said

    def test_what_was_removed_is_told_with_who_and_why(self, worn):
        removed = prune(only=["tasks"], reason="disk")

        entry = AuditEntry.objects.get(action="retention.prune")
        assert (entry.actor, entry.reason, entry.target) == ("command:ann", "disk", "retention tasks")
        assert (entry.after or {})["deleted"] == removed

    def test_a_walk_that_is_left_early_is_told_as_far_as_it_came(self, worn, small_windows):
        steps = retention.prune(actor=ANN, only=["tasks"])
        first = next(step for step in steps if step.deleted)
        del steps

        entry = AuditEntry.objects.get(action="retention.prune")
        assert (entry.after or {})["deleted"] == dict(first.deleted)

    def test_it_needs_the_permission_and_the_name_of_a_walk(self):
        with pytest.raises(Forbidden):
            retention.prune(actor=NOBODY)
        with pytest.raises(InvalidInput, match="'everything' is none of: tasks"):
            retention.prune(actor=ANN, only=["everything"])

    def test_no_rule_may_be_shortened_below_what_the_machinery_needs(self):
        young = samples.in_state("completed")

        prune(older_than=timedelta(0))

        assert left(young) == {young}


@pytest.fixture
def small_windows(monkeypatch):
    from dataclasses import replace

    from governance.retention import batches

    small = {name: replace(walk, window=20) for name, walk in batches.all_scans().items()}
    monkeypatch.setattr(batches, "_known", small)


class TestWatchdog:
    def test_it_goes_on_where_it_stopped_and_rests_at_the_end(self, worn, small_windows):
        now = timezone.now()
        places: list[str] = []
        while not RetentionWalk.objects.filter(pk="tasks", rests_until__isnull=False).exists():
            retention.run_slice(now=now, seconds=0)
            places += RetentionWalk.objects.filter(pk="tasks").values_list("position", flat=True)

        assert len(set(places)) > 10
        assert places[:-1] == sorted(places[:-1])
        assert not Task.objects.filter(
            status="completed", parent=None, dependents=None, completed_at__lt=now - timedelta(days=91)
        ).exists()
        assert_sound()

    def test_a_walk_that_rests_begins_anew_an_hour_later(self):
        old, now = ended(), LATER
        while RetentionWalk.objects.filter(rests_until=None).exists() or not RetentionWalk.objects.exists():
            retention.run_slice(now=now, seconds=10)
        assert not left(old)
        newer = ended()

        retention.run_slice(now=now + timedelta(minutes=59), seconds=10)
        assert left(newer) == {newer}

        retention.run_slice(now=now + timedelta(minutes=61), seconds=10)
        assert not left(newer)

    def test_what_a_walk_removed_is_told_once(self, worn, small_windows):
        before, now = Task.objects.count(), timezone.now()

        while not RetentionWalk.objects.filter(pk="tasks", rests_until__isnull=False).exists():
            retention.run_slice(now=now, seconds=0)

        entry = AuditEntry.objects.get(target="retention tasks")
        assert entry.actor == "watchdog"
        assert (entry.after or {})["deleted"]["governance_tasks"] == before - Task.objects.count()
