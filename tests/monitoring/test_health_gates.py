"""`/health` names breakers that refuse, budgets that are used up, and books that do not balance (row 26)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from governance import budgets
from governance.models import WorkerBudget
from reliability.models import CircuitBreaker, WatchdogSweep


def entry(client, name):
    response = client.get("/health")
    assert response.status_code == 200
    return response.json()[name]


def test_a_closed_breaker_is_well(client, living_system):
    CircuitBreaker.objects.create(name="openrouter")

    assert entry(client, "breakers") == {
        "status": "ok",
        "detail": "every circuit breaker is closed",
        "open": [],
    }


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"state": "half_open"}, "openrouter is half-open"),
        ({"state": "open"}, "openrouter is open until an operator acts"),
        ({"mode": "forced_open"}, "openrouter is forced open by an operator"),
    ],
)
def test_a_breaker_that_refuses_is_named(client, living_system, columns, said):
    CircuitBreaker.objects.create(name="openrouter", **columns)

    found = entry(client, "breakers")

    assert (found["status"], found["detail"], found["open"]) == ("degraded", said, ["openrouter"])


def test_an_open_breaker_says_when_it_may_be_tried(client, living_system):
    retry_at = timezone.now() + timedelta(minutes=5)
    CircuitBreaker.objects.create(name="openrouter", state="open", retry_at=retry_at)

    assert "openrouter is open, next probe in" in entry(client, "breakers")["detail"]


def test_a_mode_whose_end_has_come_is_no_news(client, living_system):
    over = timezone.now() - timedelta(seconds=1)
    CircuitBreaker.objects.create(name="openrouter", mode="disabled", mode_until=over)

    assert entry(client, "breakers")["status"] == "ok"


def test_a_budget_that_is_used_up_is_named_and_one_nearly_used_up_too(client, living_system):
    WorkerBudget.objects.filter(pk="ANALYST").update(daily_limit=Decimal(1))
    WorkerBudget.objects.filter(pk="FLEET").update(daily_limit=Decimal("1.25"), monthly_limit=None)
    take("ANALYST", Decimal(1))

    found = entry(client, "budgets")

    assert found["status"] == "degraded"
    assert found["detail"] == "used up: ANALYST (day); at 80 % or more: FLEET (day)"
    assert found["used_up"] == [{"scope": "ANALYST", "window": "day"}]


def test_budgets_with_money_left_are_well(client, living_system):
    assert entry(client, "budgets") == {
        "status": "ok",
        "detail": "every budget has money left",
        "used_up": [],
    }


def test_books_that_do_not_balance_are_told(client, living_system):
    WatchdogSweep.objects.create(
        started_at=timezone.now(), leader="test", duration_ms=1, counts={"unbalanced": 2}
    )

    found = entry(client, "budgets")

    assert found["status"] == "degraded"
    assert "do not balance in 2 places" in found["detail"]


def take(worker_id, usd):
    budgets.reserve(worker_id=worker_id, amount_usd=usd, seconds=60)
