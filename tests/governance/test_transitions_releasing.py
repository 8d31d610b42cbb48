"""Releases: each cause ends the waits that it is the end of, and no others, in SQL too."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from governance.access import approvals, permissions
from governance.models import Task
from governance.tasks import transitions
from governance.tasks.waits import WaitKind
from governance.workers import services as worker_services
from tests.governance import lives
from tests.governance.budgets import sql
from tests.governance.parking import ago, inserted, is_waiting, parked, why_released
from tests.governance.samples import SYSTEM

pytestmark = pytest.mark.django_db


class TestPause:
    def test_the_resume_of_a_worker_releases_its_tasks_at_once(self):
        worker_services.pause(["EXECUTOR", "ANALYST"], actor=SYSTEM, reason="bad prompts")
        Task.objects.all().delete()
        sql("UPDATE worker_registry SET status = 'active'")
        mine, other = parked("pause", "EXECUTOR"), parked("pause", "ANALYST", worker="ANALYST")
        sql("UPDATE worker_registry SET status = 'paused' WHERE worker_id IN ('EXECUTOR', 'ANALYST')")

        worker_services.resume(["EXECUTOR"], actor=SYSTEM)

        assert not is_waiting(mine)
        assert is_waiting(other)
        assert why_released(mine) == ("command:tests", "its worker was resumed")

    def test_a_worker_resumed_in_sql_is_seen_by_the_sweep(self):
        task_id = parked("pause", "EXECUTOR")
        sql("UPDATE worker_registry SET status = 'paused' WHERE worker_id = 'EXECUTOR'")
        assert transitions.release_unpaused() == []

        sql("UPDATE worker_registry SET status = 'active' WHERE worker_id = 'EXECUTOR'")

        assert [task.id for task in transitions.release_unpaused()] == [task_id]
        assert why_released(task_id)[0] == "WATCHDOG"

    def test_a_paused_fleet_keeps_everybody_waiting_and_its_resume_lets_all_go(self):
        tasks = [parked("pause", "FLEET"), parked("pause", "FLEET", worker="ANALYST")]
        worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")
        assert transitions.release_unpaused() == []

        worker_services.resume_fleet(actor=SYSTEM)

        assert not any(is_waiting(task_id) for task_id in tasks)

    def test_a_worker_that_is_paused_by_itself_stays_so_when_the_fleet_goes_on(self):
        task_id = parked("pause", "FLEET")
        worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")
        worker_services.pause(["EXECUTOR"], actor=SYSTEM, reason="bad prompts")

        worker_services.resume_fleet(actor=SYSTEM)

        assert is_waiting(task_id)


class TestTime:
    @pytest.mark.parametrize("kind", ["rate_limit", "quota"])
    def test_what_waits_for_time_goes_on_when_it_has_come(self, kind):
        early = parked(kind, "http.*", until=timezone.now() + timedelta(minutes=1))
        due = parked(kind, "http.*", until=ago(1))

        transitions.release_expired_waits()

        assert is_waiting(early)
        assert not is_waiting(due)

    def test_a_quota_whose_permission_is_changed_lets_its_tasks_ask_again(self):
        permissions.grant("EXECUTOR", "http.*", actor=SYSTEM, max_calls_per_day=1)
        waits: dict[str, Any] = {"until": timezone.now() + timedelta(hours=1)}
        task_id, other = (
            parked("quota", "http.*", **waits),
            parked("quota", "http.*", worker="ANALYST", **waits),
        )
        Task.objects.update(updated_at=timezone.now())
        assert transitions.release_expired_waits() == []

        sql("UPDATE worker_tool_permissions SET max_calls_per_day = 9 WHERE tool_name = 'http.*'")

        assert [task.id for task in transitions.release_expired_waits()] == [task_id]
        assert is_waiting(other)

    def test_a_narrower_permission_granted_since_counts_as_a_change(self):
        task_id = parked("quota", "http.*", until=timezone.now() + timedelta(hours=1))
        Task.objects.update(updated_at=ago(1))

        permissions.grant("EXECUTOR", "http.put", actor=SYSTEM)

        assert [task.id for task in transitions.release_expired_waits()] == [task_id]


class TestApproval:
    @pytest.fixture
    def asked(self):
        """A task that waits for a person, and the approval that it waits for."""
        question = approvals.require("EXECUTOR", "notify.send", {"n": 1}, task_id=uuid4())
        return parked("approval", str(question.approval_id)), question.approval_id

    @pytest.mark.parametrize("verb", [approvals.approve, approvals.reject])
    def test_a_decision_sends_the_task_back_in_the_same_transaction(self, asked, verb):
        task_id, approval_id = asked
        other = parked("approval", str(approvals.require("EXECUTOR", "notify.send", {"n": 2}).approval_id))

        verb(approval_id, actor=SYSTEM, reason="seen")

        assert not is_waiting(task_id)
        assert why_released(task_id)[0] == "command:tests"
        assert is_waiting(other)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE approvals SET status = 'approved', decided_at = now(), decided_by = 'sql'",
            "UPDATE approvals SET status = 'rejected', decided_at = now(), decided_by = 'sql'",
            "UPDATE approvals SET status = 'expired'",
            "UPDATE approvals SET expires_at = now() - interval '1 second'",
            "DELETE FROM approvals",
        ],
        ids=["approved", "rejected", "expired", "late", "gone"],
    )
    def test_what_is_done_in_sql_is_seen_by_the_sweep(self, asked, change):
        task_id, _ = asked
        assert transitions.release_decided() == []

        sql(change)

        assert [task.id for task in transitions.release_decided()] == [task_id]

    def test_what_an_operator_set_to_wait_in_sql_waits_for_an_operator(self):
        task_id = lives.in_state("waiting_approval")

        assert transitions.release_decided() == []
        assert lives.status(task_id) == "waiting_approval"


class TestBreaker:
    def test_those_that_waited_longest_go_first_and_no_more_than_asked_for(self):
        inserted(5, "breaker", "openrouter")
        oldest = list(Task.objects.order_by("rank").values_list("pk", flat=True)[:2])

        released = transitions.release_recovered("openrouter", limit=2, reason="it tries")

        assert {task.id for task in released} == set(oldest)
        assert why_released(oldest[0]) == ("WATCHDOG", "it tries")

    def test_who_waits_for_another_breaker_waits(self):
        task_id = parked("breaker", "other")

        assert transitions.release_recovered("openrouter", limit=9, reason="it tries") == []
        assert is_waiting(task_id)

    def test_who_was_refused_after_it_closed_waits_for_his_own_time(self):
        """By a process that could not reach Redis: its own breaker is open."""
        later = parked("breaker", "openrouter", until=timezone.now() + timedelta(seconds=30))
        due = parked("breaker", "openrouter", until=ago(1))

        released = transitions.release_recovered("openrouter", limit=9, reason="closed", closed_at=ago(60))

        assert [task.id for task in released] == [due]
        assert is_waiting(later)

    @pytest.mark.parametrize("pause", ["worker", "fleet"])
    def test_nothing_is_released_to_pile_up_before_a_pause(self, pause):
        inserted(3, "breaker", "openrouter")
        inserted(3, "budget", "EXECUTOR", amount_usd="1")
        if pause == "fleet":
            worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")
        else:
            worker_services.pause(["EXECUTOR"], actor=SYSTEM, reason="bad prompts")

        assert transitions.release_recovered("openrouter", limit=9, reason="it tries") == []
        assert not transitions.release_within_budget("EXECUTOR", free_usd=Decimal(9), limit=9, reason="free")


class TestBudget:
    def test_as_many_go_as_the_money_pays_for_in_the_order_of_rank(self):
        inserted(5, "budget", "EXECUTOR", amount_usd="0.4")
        oldest = list(Task.objects.order_by("rank").values_list("pk", flat=True)[:2])

        released = transitions.release_within_budget("EXECUTOR", free_usd=Decimal(1), limit=9, reason="free")

        assert {task.id: usd for task, usd in released.items()} == dict.fromkeys(oldest, Decimal("0.4"))

    def test_what_is_too_dear_does_not_stand_in_the_way(self):
        inserted(1, "budget", "EXECUTOR", amount_usd="5")
        inserted(1, "budget", "EXECUTOR", amount_usd="0.5")

        released = transitions.release_within_budget("EXECUTOR", free_usd=Decimal(1), limit=9, reason="free")

        assert list(released.values()) == [Decimal("0.5")]


def test_the_names_that_are_waited_for_are_each_told_once():
    inserted(3, "breaker", "b")
    inserted(2, "breaker", "a")
    inserted(1, "budget", "FLEET", amount_usd="1")

    assert transitions.waited_for(WaitKind.BREAKER) == ["a", "b"]
    assert transitions.waited_for(WaitKind.BUDGET) == ["FLEET"]
    assert transitions.waited_for(WaitKind.PAUSE) == []


def test_the_released_task_keeps_its_place_in_the_queue_and_is_claimed():
    task_id = parked("pause", "EXECUTOR")
    due = lives.fetch(task_id).run_after

    transitions.release_unpaused()

    assert lives.fetch(task_id).run_after == due
    [task] = lives.claim()
    assert (task.id, task.attempt) == (task_id, 1)
