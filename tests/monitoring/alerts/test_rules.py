"""Each rule finds its cause, names it, and ends with it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from governance import budgets
from governance.models import BudgetWindow, CostHour, CostLine, Fleet, Task, Worker, WorkerBudget
from monitoring.alerts.evaluator import Evaluator
from monitoring.models import AlertRule
from reliability.models import CircuitBreaker, WatchdogSweep
from tests.governance import samples
from tests.governance.parking import parked
from tests.monitoring.alerts.findings import MINUTE, alert, break_down, live, recover
from tests.reliability.letters import dead_many

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def healthy(db):
    """Everybody was just heard of, and no budget is used."""
    Worker.objects.update(last_heartbeat=timezone.now())


def threshold(rule, value):
    AlertRule.objects.filter(pk=rule).update(threshold=value)


def test_a_healthy_system_has_no_alerts(look):
    assert look() == 0
    assert live() == []


def test_a_worker_that_falls_silent_and_comes_back(look):
    Worker.objects.filter(pk="ANALYST").update(last_heartbeat=timezone.now() - 2 * MINUTE)
    look()
    found = alert(rule="worker_silent", subject="ANALYST")
    Worker.objects.filter(pk="ANALYST").update(last_heartbeat=timezone.now())
    look()

    assert found.said.startswith("ANALYST is silent: no process has served it for 2 min")
    assert (found.severity, found.remedy) == ("critical", "manage.py run_workers")
    assert alert(rule="worker_silent").state == "resolved"


@pytest.mark.parametrize("how", ["never seen", "worker paused", "fleet paused"])
def test_nobody_is_missed_who_need_not_be_there(look, how):
    worker = Worker.objects.filter(pk="ANALYST")
    worker.update(last_heartbeat=None if how == "never seen" else timezone.now() - 2 * MINUTE)
    if how == "worker paused":
        worker.update(status="paused")
    if how == "fleet paused":
        Fleet.objects.update(status="paused")

    look()

    assert live() == []


def test_who_was_out_of_touch_calls_nobody_silent():
    Worker.objects.filter(pk="ANALYST").update(last_heartbeat=timezone.now() - 2 * MINUTE)
    newcomer = Evaluator()

    newcomer.look()
    newcomer.look()
    at_first = live()
    newcomer.in_touch_since -= 61
    newcomer.look()

    assert at_first == []
    assert live() == [("worker_silent", "ANALYST")]


def test_a_breaker_that_stays_open_until_it_has_closed(look):
    break_down()
    look()
    found = alert(rule="breaker_open", subject="openrouter")
    CircuitBreaker.objects.update(state="half_open")
    look()
    while_it_is_tried = live()
    recover()
    look()

    assert "has been open for 10 min, until an operator acts: it answered 503" in found.said
    assert while_it_is_tried == [("breaker_open", "openrouter")]
    assert live() == []


def test_a_breaker_that_just_opened_or_that_an_operator_forced_is_none(look):
    CircuitBreaker.objects.create(name="fresh", state="open", opened_at=timezone.now())
    CircuitBreaker.objects.create(name="forced", state="open", opened_at=None, mode="forced_open")

    look()

    assert live() == []


@pytest.mark.parametrize(
    ("held", "rules"),
    [("0.79", []), ("0.80", ["budget_nearly"]), ("1.00", ["budget_nearly", "budget_used_up"])],
)
def test_budgets_at_eighty_and_at_a_hundred_percent(look, held, rules):
    WorkerBudget.objects.filter(pk="ANALYST").update(daily_limit=Decimal(1))
    today = next(each for each in budgets.balance("ANALYST") if each.kind == "day")
    BudgetWindow.objects.create(
        scope="ANALYST", kind="day", starts_at=today.starts_at, ends_at=today.ends_at, held=Decimal(held)
    )

    look()

    assert live() == [(rule, "ANALYST day") for rule in rules]


def test_a_budget_that_tasks_wait_for_is_used_up_before_its_last_cent(look):
    WorkerBudget.objects.filter(pk="ANALYST").update(daily_limit=Decimal(1))
    parked("budget", "ANALYST", window="day")

    look()

    assert live() == [("budget_used_up", "ANALYST day")]


def test_more_letters_in_an_hour_than_usual(look):
    threshold("letters_per_hour", 2)
    dead_many(2, "disk full")
    look()
    at_the_threshold = live()
    dead_many(1, "no route")
    look()

    assert at_the_threshold == []
    found = alert(rule="letters_per_hour")
    assert found.said == "3 dead letters in the last hour; most of them: disk full"
    assert found.evidence["groups"][0] == {"reason": "disk full", "letters": 2}


def test_work_that_nobody_takes(look):
    task_id = samples.submit(assigned_worker="ANALYST")
    Task.objects.filter(pk=task_id).update(run_after=timezone.now() - 10 * MINUTE)
    samples.submit(assigned_worker="ANALYST", priority=100)

    look()

    found = alert(rule="oldest_pending", subject="ANALYST")
    assert "has been due for 10 min" in found.said
    assert found.evidence == {"task_id": str(task_id)}


def test_work_of_a_paused_worker_may_wait(look):
    Task.objects.filter(pk=samples.submit(assigned_worker="ANALYST")).update(
        run_after=timezone.now() - 10 * MINUTE
    )
    Worker.objects.filter(pk="ANALYST").update(status="paused")

    look()

    assert live() == []


def test_books_that_do_not_balance_stay_an_alert_until_they_were_looked_at_again(look):
    sweep(unbalanced=2)
    look()
    found = alert(rule="ledger_drift")
    WatchdogSweep.objects.all().delete()
    look()
    unknown = live()
    sweep(unbalanced=0)
    look()

    assert found.said.startswith("the books do not balance in 2 places")
    assert unknown == [("ledger_drift", "ledger")]
    assert live() == []


def test_answers_whose_cost_cannot_be_read_name_provider_and_model(look):
    facts = {"worker_id": "ANALYST", "service": "openrouter", "model": "maker/odd", "kind": "call"}
    CostLine.objects.create(**facts, cost_usd=Decimal("0.25"), price_source="unpriced", reason="no usage")
    look()
    found = alert(rule="unpriced_calls")
    CostHour.objects.update(hour=timezone.now() - timedelta(hours=3))
    look()

    assert found.subject == "openrouter maker/odd"
    assert found.said == (
        "1 answers of maker/odd at openrouter reported no readable usage or cost:"
        " their whole holds were charged, 0.25 USD"
    )
    assert live() == []


@pytest.mark.parametrize("silent", [None, 2 * MINUTE])
def test_a_watchdog_that_is_late(look, silent):
    heard_at = silent and timezone.now() - silent
    Worker.objects.filter(pk="WATCHDOG").update(last_heartbeat=heard_at)

    look()

    assert live() == [("watchdog_late", "WATCHDOG")]
    assert alert().remedy == "python watchdog_main.py"


def test_thresholds_set_in_sql_bind_at_the_next_look(look):
    break_down()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE alert_rules SET threshold = 3600 WHERE name = 'breaker_open'")
    look()
    patient = live()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE alert_rules SET threshold = 1, severity = 'critical'")
    look()

    assert patient == []
    assert ("breaker_open", "openrouter") in live()
    assert alert(rule="breaker_open").severity == "critical"


def test_a_rule_that_is_switched_off_finds_nothing(look):
    break_down()
    look()
    AlertRule.objects.filter(pk="breaker_open").update(is_enabled=False)
    look()

    assert live() == []


def test_a_rule_that_fails_is_logged_and_leaves_the_others_alone(look, monkeypatch, caplog):
    monkeypatch.setattr("monitoring.alerts.rules.budgets.all_balances", lambda: 1 / 0)
    break_down()

    look()

    assert live() == [("breaker_open", "openrouter")]
    assert "alert rule 'budget_nearly' failed" in caplog.text


def sweep(**counts):
    started_at = timezone.now() - timedelta(seconds=1)
    WatchdogSweep.objects.create(started_at=started_at, leader="me", duration_ms=1, counts=counts)
