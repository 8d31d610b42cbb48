"""Retention as operators meet it: the watchdog's duty, the commands, the API; and reliability's tables."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from governance import retention
from governance.access import permissions
from governance.models import AuditEntry, RetentionRule, RetentionWalk, Task
from juggernaut import sample
from reliability.models import CircuitBreakerEvent, Redrive, RedriveItem, WatchdogSweep
from reliability.watchdog import sweep
from reliability.watchdog.duty_permissions import DutyPermissions
from tests.governance import samples
from tests.governance.api_client import of_role

pytestmark = pytest.mark.django_db

LATER = timezone.now() + timedelta(days=400)


def ended():
    task_id = samples.in_state("completed")
    Task.objects.filter(pk=task_id).update(completed_at=LATER - timedelta(days=300))
    return task_id


class TestDuty:
    def test_a_sweep_removes_what_is_old_and_says_how_much(self):
        task_id = ended()
        duty = {"retention": sweep.DUTIES["retention"]}
        total = 0

        while not RetentionWalk.objects.filter(pk="tasks", rests_until__isnull=False).exists():
            total += duty["retention"](LATER) or 0

        assert not Task.objects.filter(pk=task_id).exists()
        # The task and its three events.
        assert total == 4
        assert sweep.run(duty, leader="me").counts == {"retention": 0}

    def test_it_stops_when_its_permission_is_revoked(self):
        watched = DutyPermissions()
        assert "retention" in watched.permitted(sweep.DUTIES)

        permissions.revoke("WATCHDOG", "watchdog.retention", actor=samples.SYSTEM)

        assert "retention" not in watched.permitted(sweep.DUTIES)

    def test_sweeps_are_kept_as_long_as_their_rule_says(self):
        for days in (0.5, 1.5, 3.5):
            WatchdogSweep.objects.create(
                started_at=timezone.now() - timedelta(days=days), leader="me", duration_ms=1
            )

        assert sweep.forget_sweeps(timezone.now()) == 2
        RetentionRule.objects.filter(pk="sweeps").update(keep_days=None)
        assert sweep.forget_sweeps(timezone.now() + timedelta(days=100)) == 0


class TestTablesOfTheMachinery:
    def prune(self, now=None):
        return [step for step in retention.prune(actor=samples.SYSTEM, now=now) if step.deleted]

    def test_old_events_of_breakers_go_but_for_the_last_of_each_kind(self):
        for days, to_state in ((200, "open"), (190, "closed"), (180, "open"), (1, "half_open")):
            CircuitBreakerEvent.objects.create(
                breaker="openrouter", kind="transition", to_state=to_state,
                created_at=timezone.now() - timedelta(days=days),
            )  # fmt: skip

        self.prune()

        left = CircuitBreakerEvent.objects.order_by("created_at").values_list("to_state", flat=True)
        assert list(left) == ["closed", "open", "half_open"]

    def test_a_finished_redrive_goes_with_its_items_and_one_that_runs_stays(self):
        old = timezone.now() - timedelta(days=200)
        facts = {
            "filter_text": "all", "reason": "", "started_by": "ann", "pace_per_second": 1, "plan": [1],
            "max_failure_rate": 1, "credit": 0, "advanced_at": old, "created_at": old, "total": 1,
        }  # fmt: skip
        done = Redrive.objects.create(**facts, state="completed", succeeded=1, finished_at=old)
        settling = Redrive.objects.create(**facts, state="aborted", handed_over=1, finished_at=old)
        running = Redrive.objects.create(**facts, waiting=1)
        for redrive in (done, settling, running):
            task = samples.submit()
            RedriveItem.objects.create(redrive=redrive, position=1, letter_id=task, task_id=task, retries=0)

        self.prune(now=LATER)
        self.prune(now=LATER)

        assert set(Redrive.objects.values_list("pk", flat=True)) == {settling.pk, running.pk}
        assert RedriveItem.objects.count() == 2


class TestPruneCommand:
    @pytest.fixture
    def worn(self):
        size = sample.Size(
            tasks=200, letters=20, lines=200, calls=100, days=400, slice=200, surroundings=False
        )
        list(sample.load(size))

    def run(self, capsys, *words, **options):
        call_command("prune", *words, **options)
        return capsys.readouterr().out

    def test_it_says_table_by_table_what_it_removed(self, worn, capsys):
        before = Task.objects.count()

        said = self.run(capsys, "--reason", "disk")

        assert f"removed from governance_tasks: {before - Task.objects.count()}\n" in said
        assert "removed from task_events: " in said
        assert AuditEntry.objects.filter(action="retention.prune", reason="disk").exists()

    def test_a_dry_run_in_json_removes_nothing(self, worn, capsys):
        said = json.loads(self.run(capsys, "--dry-run", "--json", "--only", "tasks"))

        assert said["dry_run"] is True
        assert said["removed"]["governance_tasks"] > 50
        assert Task.objects.count() == 200

    def test_older_than_takes_the_place_of_the_days(self, worn, capsys):
        few = json.loads(self.run(capsys, "--dry-run", "--json", older_than=timedelta(days=350)))
        many = json.loads(self.run(capsys, "--dry-run", "--json", older_than=timedelta(days=10)))

        assert 0 < few["removed"]["governance_tasks"] < 50 < many["removed"]["governance_tasks"]

    def test_nothing_to_remove_is_said(self, capsys):
        assert self.run(capsys) == "nothing is older than its rule\n"

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--only", "everything"], "'everything' is none of: tasks"),
            (["--older-than=soon"], "'soon' is no number"),
        ],
    )
    def test_what_it_cannot_do_is_one_clear_line(self, words, said):
        with pytest.raises(CommandError, match=said):
            call_command("prune", *words)


class TestSetRetentionCommand:
    def test_it_changes_a_rule_and_lists_them_all(self, capsys):
        call_command("set_retention", "completed tasks", "30", "--reason", "disk")

        said = capsys.readouterr().out
        assert "completed tasks: 30 days (tasks that were completed" in said
        assert "\nevents: as long as their task" in said

    def test_for_ever_is_said_so(self, capsys):
        call_command("set_retention", "sweeps", "--for-ever", "--reason", "audit", "--json")

        rules = {rule["name"]: rule["keep_days"] for rule in json.loads(capsys.readouterr().out)}
        assert rules["sweeps"] is None

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["sweeps"], "Name the days, or --for-ever"),
            (["sweeps", "3", "--for-ever"], "Name the days, or --for-ever"),
            (["everything", "3", "--reason", "x"], "no rule of retention has the name 'everything'"),
            (["sweeps", "0", "--reason", "x"], "1 to 36500 days"),
            (["sweeps", "3"], "say why"),
        ],
    )
    def test_what_cannot_be_is_refused_in_one_line(self, words, said):
        with pytest.raises(CommandError, match=said):
            call_command("set_retention", *words)


class TestApi:
    def test_a_viewer_sees_the_rules_and_may_not_change_them(self):
        viewer = of_role("viewer")

        answer = viewer.get("retention")
        assert answer.status_code == 200
        rules = {rule["name"]: rule for rule in answer.json()["retention"]}
        assert rules["ended holds"]["keep_days"] == 45
        assert rules["ended holds"]["least_days"] == 35
        assert viewer.patch("retention/sweeps", {"keep_days": 2, "reason": "x"}).status_code == 403

    def test_an_admin_changes_one(self):
        answer = of_role("admin").patch("retention/events", {"keep_days": 30, "reason": "disk"})

        assert (answer.status_code, answer.json()["keep_days"]) == (200, 30)
        assert AuditEntry.objects.get(action="retention.keep").reason == "disk"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"keep_days": "long", "reason": "x"}, "keep_days"),
            ({"keep_days": True, "reason": "x"}, "keep_days"),
            ({"reason": "x"}, "keep_days"),
            ({"keep_days": 3, "reason": ""}, "reason"),
            ({"keep_days": 3, "reason": 3}, "reason"),
            ({"keep_days": 3, "reason": "x", "days": 3}, "days"),
        ],
    )
    def test_wrong_fields_are_named(self, body, field):
        answer = of_role("admin").patch("retention/events", body)

        assert answer.status_code == 400
        assert field in [error["field"] for error in answer.json()["errors"]]

    def test_an_unknown_rule_is_404_and_a_stranger_is_401(self):
        from tests.governance.api_client import Api

        body = {"keep_days": 3, "reason": "x"}
        assert of_role("admin").patch("retention/everything", body).status_code == 404
        assert Api().get("retention").status_code == 401
