"""`/metrics` tells how tasks, letters, money, breakers, workers and the watchdog stand."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from governance import budgets
from governance.access import permissions, tool_executions
from governance.access.tool_executions import Call
from governance.models import DeadLetter, Task, WorkerBudget, WorkerProcess
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from monitoring.metrics import families
from monitoring.models import Alert, Tally
from reliability.models import CircuitBreaker, WatchdogSweep
from tests.governance import samples
from tests.monitoring.metrics.text import value
from tests.reliability.letters import dead_many

pytestmark = pytest.mark.slow


def test_tasks_are_counted_by_state_and_worker(metrics):
    samples.submit(assigned_worker="EXECUTOR")
    samples.submit(assigned_worker="EXECUTOR")
    samples.submit(assigned_worker="ANALYST", depends_on=[str(samples.submit(assigned_worker="EXECUTOR"))])
    Task.objects.filter(pk=samples.submit(assigned_worker="ANALYST")).update(
        run_after=timezone.now() - timedelta(seconds=500)
    )

    found = metrics()

    assert value(found, "juggernaut_tasks", state="pending", worker="EXECUTOR") == 3
    assert value(found, "juggernaut_tasks", state="parked", worker="ANALYST") == 1
    assert value(found, "juggernaut_tasks", state="waiting_approval", worker="ANALYST") == 0
    assert 500 <= value(found, "juggernaut_tasks_oldest_seconds", state="pending", worker="ANALYST") < 600


def test_the_oldest_is_found_behind_a_fresh_one_of_higher_priority(metrics):
    samples.submit(assigned_worker="ANALYST", priority=100)
    Task.objects.filter(pk=samples.submit(assigned_worker="ANALYST")).update(
        run_after=timezone.now() - timedelta(seconds=500)
    )

    assert value(metrics(), "juggernaut_tasks_oldest_seconds", state="pending", worker="ANALYST") >= 500


def test_a_count_ends_where_it_says(metrics, monkeypatch):
    asked = _question("_TASKS")
    monkeypatch.setitem(asked.parameters, "limit", 2)
    for _ in range(3):
        samples.submit(assigned_worker="ANALYST")

    assert value(metrics(), "juggernaut_tasks", state="pending", worker="ANALYST") == 2


def test_what_tasks_did_is_counted_for_all_processes(metrics):
    task_id, process, token = samples.running()
    transitions.complete([AttemptReport(task_id, token, b"{}")], process_id=process)
    transitions.terminate([samples.submit()], actor="tests", reason="broken")

    found = metrics()

    assert value(found, "juggernaut_tasks_submitted_total") == 2
    assert value(found, "juggernaut_task_attempts_total", worker="ANALYST") == 1
    assert value(found, "juggernaut_tasks_finished_total", state="completed", worker="ANALYST") == 1
    assert value(found, "juggernaut_tasks_finished_total", state="failed", worker="") == 1
    edge = {"from_state": "pending", "to_state": "in_progress", "worker": "ANALYST"}
    assert value(found, "juggernaut_task_transitions_total", **edge) == 1


def test_counters_stay_when_the_tasks_are_deleted(metrics):
    task_id, process, token = samples.running()
    transitions.complete([AttemptReport(task_id, token, b"{}")], process_id=process)

    Task.objects.filter(pk=task_id).delete()

    assert value(metrics(), "juggernaut_tasks_finished_total", state="completed", worker="ANALYST") == 1


@pytest.mark.django_db
def test_counts_agree_with_the_history_also_for_many_at_once():
    for _ in range(5):
        samples.submit()
    transitions.claim(process_id=uuid4(), free={"ANALYST": 3})

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM task_events")
        [events] = cursor.fetchone()
    assert sum(Tally.objects.values_list("count", flat=True)) == events == 8


def test_calls_are_counted_by_service_and_outcome(metrics):
    CircuitBreaker.objects.create(name="openrouter")
    CircuitBreaker.objects.create(name="http:example.org")
    for service, error in (("openrouter", None), ("openrouter", "broken"), ("example.org", None)):
        within = timedelta(seconds=1)
        call = tool_executions.begin(Call("ANALYST", "tool", service=service), rule="test", within=within)
        tool_executions.end(call, error_message=error)
    tool_executions.refuse(Call("ANALYST", "tool", service="made.up"), rule="x", error_message="no")

    found = metrics()

    def calls(**labels):
        return value(found, "juggernaut_calls_total", **labels)

    assert calls(service="openrouter", outcome="succeeded") == 1
    assert calls(service="openrouter", outcome="failed") == 1
    assert calls(service="example.org", outcome="succeeded") == 1
    assert calls(service="other", outcome="refused") == 1
    assert value(found, "juggernaut_call_seconds_total", service="openrouter", outcome="failed") >= 0


def test_dead_letters_are_counted_by_status_and_the_largest_groups_are_named(metrics, monkeypatch):
    monkeypatch.setitem(_question("_GROUPS").parameters, "groups", 1)
    for reason, count in (("disk full", 2), ("no route", 1)):
        dead_many(count, reason)

    found = metrics()

    assert value(found, "juggernaut_dead_letters", status="pending") == DeadLetter.objects.count() == 3
    assert value(found, "juggernaut_dead_letter_failures_total") == 3
    [(labels, letters)] = found["juggernaut_dead_letter_group_open"]
    assert (labels["reason"], letters) == ("disk full", 2)


def test_money_is_told_by_scope_and_window(metrics):
    WorkerBudget.objects.filter(pk="ANALYST").update(daily_limit=Decimal(4), weekly_limit=None)
    budgets.reserve(worker_id="ANALYST", amount_usd=Decimal(1), seconds=60)

    found = metrics()

    day = {"scope": "ANALYST", "window": "day"}
    assert value(found, "juggernaut_budget_held_usd", **day) == 1
    assert value(found, "juggernaut_budget_spent_usd", **day) == 0
    assert value(found, "juggernaut_budget_limit_usd", **day) == 4
    assert value(found, "juggernaut_budget_limit_usd", scope="ANALYST", window="week") is None


def test_a_breaker_is_in_one_state(metrics):
    CircuitBreaker.objects.create(name="openrouter", state="half_open", mode="shadow")

    found = metrics()

    states = {labels["state"]: stands for labels, stands in found["juggernaut_breaker_state"]}
    assert states == {"closed": 0, "open": 0, "half_open": 1}
    assert value(found, "juggernaut_breaker_steered", breaker="openrouter", mode="shadow") == 1


def test_workers_processes_and_the_watchdog_tell_their_age(metrics, silence):
    WorkerProcess.objects.update(rss_bytes=1_000, in_flight=7)
    silence(process=5, watchdog=100)
    WatchdogSweep.objects.create(
        started_at=timezone.now() - timedelta(seconds=100), leader="me", duration_ms=20, error="broken"
    )
    permissions.revoke("WATCHDOG", "watchdog.rescued", actor=samples.SYSTEM)

    found = metrics()

    assert value(found, "juggernaut_worker_heartbeat_age_seconds", worker="WATCHDOG") >= 100
    assert value(found, "juggernaut_process_heartbeat_age_seconds", pid="1") >= 5
    assert value(found, "juggernaut_process_resident_memory_bytes", pid="1") == 1_000
    assert value(found, "juggernaut_process_tasks", pid="1") == 7
    assert value(found, "juggernaut_worker_processes", worker="ANALYST") == 1
    assert value(found, "juggernaut_watchdog_sweep_age_seconds") >= 100
    assert value(found, "juggernaut_watchdog_sweep_failed") == 1
    assert value(found, "juggernaut_watchdog_duty_stopped", duty="watchdog.rescued") == 1
    assert value(found, "juggernaut_watchdog_duty_stopped", duty="watchdog.alerts") == 0


def test_alerts_are_counted_by_rule(metrics):
    Alert.objects.create(rule_id="breaker_open", subject="openrouter")

    found = metrics()

    assert value(found, "juggernaut_alerts", rule="breaker_open", state="open") == 1
    assert value(found, "juggernaut_alerts", rule="watchdog_late", state="open") == 0


def test_every_family_is_told_and_follows_the_conventions(client, living_system, look_again):
    told = client.get("/metrics").content.decode()

    for question in families.QUESTIONS:
        for family in question.families:
            assert family.name.startswith("juggernaut_")
            assert (family.kind == "counter") == family.name.endswith("_total")
            assert family.help.endswith(".")
            assert f"# HELP {family.name} {family.help}\n" in told


def _question(name):
    return next(each for each in families.QUESTIONS if each.sql is getattr(families, name))
