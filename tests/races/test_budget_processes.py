"""Eight processes spend the same money, are killed at random, and not a cent too much is spent."""

import random
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db.models import F, Sum

from governance import budgets
from governance.models import BudgetHold, BudgetWindow, CostLine
from tests.fleet import enlist
from tests.governance import samples
from tests.governance.budgets import allow, sql
from tests.polling import until
from tests.races.spender import A_YEAR, NOON, WORKERS, Fleet, spend

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PROCESSES = 8
KILLS = 30
CALLS = 400
LIMITS = {"FLEET": Decimal("0.7"), **dict.fromkeys(WORKERS, Decimal("0.3"))}
ENVELOPE = Decimal(2)


@pytest.fixture
def tasks(transactional_db):
    """A task with an envelope and its child with a smaller one; the limits of workers and fleet."""
    enlist()
    for worker in WORKERS:
        allow(worker, daily_limit=str(LIMITS[worker]), fleet=str(LIMITS["FLEET"]))
    parent = samples.submit(max_cost_usd=str(ENVELOPE))
    return [parent, samples.submit(parent=str(parent), max_cost_usd="1.5")]


def overspent():
    """Scopes that were given more than their limit and what is on record as overage."""
    windows = BudgetWindow.objects.filter(kind__in=["day", "task"])
    given = windows.annotate(given=F("spent") + F("held") - F("overage")).values_list("scope", "given")
    return [scope for scope, usd in given if usd > LIMITS.get(scope, ENVELOPE)]


def deadlocks():
    sql("SELECT pg_stat_clear_snapshot()")
    return sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0]


def is_quiet():
    """The server has ended what killed processes had asked of it."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return sql(others) == [(0,)]


def test_processes_that_die_at_random_never_overspend(tasks):
    chance = random.Random(4)
    fleet = Fleet(partial(spend, calls=CALLS, tasks=tasks))
    before = deadlocks()
    for seed in range(PROCESSES):
        fleet.start(seed)

    for seed in range(PROCESSES, PROCESSES + KILLS):
        budgets.expire_holds()
        assert overspent() == []
        fleet.kill(chance.choice(list(fleet.processes)))
        fleet.start(seed)
        fleet.reap()
    until(fleet.has_ended, timeout=120, what="the end of all processes")
    until(is_quiet, timeout=30, what="a server that has nothing to do")

    assert fleet.failed == []
    assert fleet.killed > KILLS / 2
    assert deadlocks() == before
    assert budgets.discrepancies() == []
    assert BudgetHold.objects.filter(state="open").exists()
    budgets.expire_holds(at=NOON + timedelta(seconds=2 * A_YEAR))
    assert not BudgetHold.objects.filter(state="open").exists()
    assert set(BudgetWindow.objects.values_list("held", flat=True)) == {0}
    assert budgets.discrepancies() == []
    assert overspent() == []
    assert CostLine.objects.filter(kind="correction").exists()
    assert_ledger_is_what_was_spent()


def assert_ledger_is_what_was_spent():
    """As the runbook asks: sums over the ledger by time equal what the budgets say, to the last digit."""
    for window in BudgetWindow.objects.exclude(kind="task"):
        lines = CostLine.objects.filter(created_at__gte=window.starts_at, created_at__lt=window.ends_at)
        if window.scope != "FLEET":
            lines = lines.filter(worker_id=window.scope)
        assert lines.aggregate(usd=Sum("cost_usd"))["usd"] == window.spent
