"""Gates that others close: the breaker of the service that failed, the budget of who pays."""

from decimal import Decimal

import pytest

from governance import budgets
from governance.access.actors import Actor
from governance.models import DeadLetter
from reliability.breakers import services
from tests.reliability import letters
from tests.reliability.redriving import ALL, start

pytestmark = pytest.mark.django_db

ANN = Actor("ann", is_trusted=True)


def failed_at(service: str, count: int = 3, cost_usd: str = "0") -> None:
    ids = letters.dead_many(count)
    DeadLetter.objects.filter(pk__in=ids).update(service=service, cost_usd=Decimal(cost_usd))


def test_a_breaker_that_refuses_the_service_stops_it_and_is_named():
    failed_at("openrouter")
    services.force_open("openrouter", actor=ANN, reason="their status page is red")

    redrive = start(ALL)

    assert (redrive.state, redrive.stopped_by, redrive.handed_over) == ("stopped", "breaker", 0)
    assert redrive.stop_reason == "circuit breaker openrouter is forced open: their status page is red"


def test_a_breaker_of_another_service_does_not_stop_it():
    failed_at("mailer")
    services.force_open("openrouter", actor=ANN, reason="their status page is red")

    assert start(ALL).state == "running"


def test_a_budget_that_is_used_up_stops_letters_that_cost_money():
    failed_at("", cost_usd="0.25")
    budgets.set_limits("FLEET", limits={"daily_limit": Decimal(0)}, actor=ANN, reason="enough for today")

    redrive = start(ALL)

    assert (redrive.state, redrive.stopped_by) == ("stopped", "budget")
    assert redrive.stop_reason == "the budget of FLEET for the day is used up"


def test_letters_that_cost_nothing_ask_no_budget():
    failed_at("")
    budgets.set_limits("FLEET", limits={"daily_limit": Decimal(0)}, actor=ANN, reason="enough for today")

    assert start(ALL).state == "running"
