"""Eight processes call through the call pipeline and are killed at random: nothing overspent, nothing left
open."""

import random
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db.models import F, Sum
from django.utils import timezone

from governance import budgets
from governance.access import permissions, tool_executions
from governance.models import BudgetHold, BudgetWindow, CostLine, PermissionUse, ToolExecution
from reliability.breakers import client as gate
from reliability.breakers import status
from tests.fleet import enlist
from tests.governance import samples
from tests.governance.budgets import allow
from tests.polling import until
from tests.races.caller import BREAKERS, TOOL, make_calls
from tests.races.spender import Fleet
from tests.races.test_budget_processes import deadlocks, is_quiet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PROCESSES, KILLS, CALLS = 8, 20, 150
WORKER = "ANALYST"
LIMIT = Decimal(4)
QUOTA = 900


@pytest.fixture
def tasks(transactional_db):
    enlist()
    gate.close()
    allow(WORKER, daily_limit=str(LIMIT), fleet="100")
    permissions.grant(WORKER, TOOL, max_calls_per_day=QUOTA, actor=samples.SYSTEM)
    running = [samples.running() for _ in range(3)]
    return [(WORKER, task_id, token) for task_id, _, token in running]


def has_called(fleet, count):
    return ToolExecution.objects.count() > count or fleet.has_ended()


def overspent():
    windows = BudgetWindow.objects.filter(kind="day", scope=WORKER)
    given = windows.annotate(given=F("spent") + F("held") - F("overage")).values_list("given", flat=True)
    return [usd for usd in given if usd > LIMIT]


def test_processes_that_die_at_random_leave_nothing_open_and_overspend_nothing(tasks):
    chance = random.Random(7)
    fleet = Fleet(partial(make_calls, calls=CALLS, tasks=tasks))
    before = deadlocks()
    for seed in range(PROCESSES):
        fleet.start(seed)
    for seed in range(PROCESSES, PROCESSES + KILLS):
        seen = ToolExecution.objects.count()
        until(partial(has_called, fleet, seen + 20), timeout=60, what="twenty calls more")
        assert overspent() == []
        fleet.kill(chance.choice(list(fleet.processes)))
        fleet.start(seed)
        fleet.reap()
    until(fleet.has_ended, timeout=180, what="the end of all processes")
    until(is_quiet, timeout=30, what="a server that has nothing to do")

    later = timezone.now() + timedelta(hours=1)
    budgets.expire_holds(at=later)
    tool_executions.give_up_lost(later)

    assert fleet.failed == []
    assert fleet.killed > KILLS / 2
    assert deadlocks() == before
    assert overspent() == []
    assert budgets.discrepancies() == []
    assert not BudgetHold.objects.filter(state="open").exists()
    _assert_rows_add_up()
    _assert_no_permit_is_left()


def _assert_rows_add_up():
    """Each call that went out is a row, counted under the quota, and its cost is the ledger's."""
    sent = ToolExecution.objects.exclude(status="refused").exclude(rule__startswith="circuit breaker")
    assert not ToolExecution.objects.filter(status="sent").exists()
    counted = PermissionUse.objects.get(span="day", tool_name=TOOL).calls
    # A process that was killed between the gates had been counted, and had not called.
    assert sent.count() <= counted <= QUOTA
    assert counted - sent.count() <= KILLS
    expired = BudgetHold.objects.filter(state="expired").aggregate(usd=Sum("charged_usd"))["usd"] or 0
    booked = sent.aggregate(usd=Sum("cost_usd"))["usd"] or 0
    assert CostLine.objects.aggregate(usd=Sum("cost_usd"))["usd"] == booked + expired
    assert ToolExecution.objects.filter(status="succeeded").count() > 100


def _assert_no_permit_is_left():
    found = status.of_all()
    assert [found[name]["probes_under_way"] for name in BREAKERS] == [0, 0]
    gate.close()
