"""Every gate says no in its own way: what the task hears, and the one row that names the rule."""

import time
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from governance.access import approvals, permissions, rate_limits
from governance.costs.pricing import Bound
from governance.errors import UnknownPrice
from governance.models import Approval, BudgetHold, ToolExecution, Worker
from governance.tasks.waits import WaitKind
from reliability import calls
from reliability.calls import FixedCost, TokenCost, admission
from reliability.failures import Denied, PermanentFailure, Postponed, Stopped, TransientFailure
from reliability.rate_limits import windows
from tests.door import CENT, TOOL, WORKER, ask, call, executions, grant, holds, open_breaker
from tests.governance.budgets import allow, sql
from tests.governance.races import somebody_else
from tests.governance.samples import SYSTEM

pytestmark = pytest.mark.slow


def refused(context, asked, error, *, is_async):
    """The error of the call, which was not sent."""

    def never(permit):
        raise AssertionError("the call went out")

    with pytest.raises(error) as caught:
        call(context, asked, is_async=is_async, send=never)
    return caught.value


def test_a_call_that_nothing_forbids_is_made_and_recorded(context, is_async):
    answered = call(context, ask(service="local"), is_async=is_async)

    assert answered.value == "fine"
    assert executions() == [("succeeded", f"permission: {WORKER} is allowed {TOOL}", "")]
    row = ToolExecution.objects.get()
    assert (row.task_id, row.worker_id, row.service) == (context.task_id, WORKER, "local")
    assert row.duration_ms is not None


def test_a_paused_worker_calls_nothing(context, is_async):
    Worker.objects.filter(pk=WORKER).update(status="paused")

    error = refused(context, ask(), Postponed, is_async=is_async)

    assert (error.wait.kind, error.wait.name) == (WaitKind.PAUSE, WORKER)
    [(status, rule, _)] = executions()
    assert (status, rule) == ("refused", f"pause: {WORKER} is paused")


def test_a_paused_fleet_calls_nothing(context, is_async):
    sql("UPDATE fleet SET status = 'paused'")

    error = refused(context, ask(), Postponed, is_async=is_async)

    assert (error.wait.kind, error.wait.name) == (WaitKind.PAUSE, "FLEET")
    assert executions()[0][:2] == ("refused", "pause: FLEET is paused")


def test_a_task_that_was_taken_away_calls_nothing(context, is_async):
    sql("UPDATE governance_tasks SET lease_token = lease_token + 1")

    refused(context, ask(), Stopped, is_async=is_async)

    [(status, rule, _)] = executions()
    assert (status, rule) == ("refused", "lease: the task was taken from this worker")


def test_what_is_not_permitted_is_denied(context, is_async):
    error = refused(context, ask(tool_name="else.where", service="s"), Denied, is_async=is_async)

    assert (error.tool_name, error.service) == ("else.where", "s")
    [(status, rule, said)] = executions()
    assert (status, rule, said) == ("refused", f"permission: {WORKER} has none for else.where", rule)


def test_a_full_quota_is_waited_for(context, is_async):
    grant(max_calls_per_day=1)
    call(context, ask(), is_async=is_async)

    error = refused(context, ask(), Postponed, is_async=is_async)

    assert error.wait.kind is WaitKind.QUOTA
    assert error.wait.name == TOOL
    assert error.wait.until is not None
    assert error.wait.until > timezone.now()
    assert executions()[1][:2] == ("refused", f"permission: {WORKER} {TOOL} allows 1 calls a day")


def test_a_person_is_asked_with_the_worst_price(context, is_async):
    grant(requires_approval=True)

    error = refused(context, ask(cost=FixedCost(Decimal("0.25"))), Postponed, is_async=is_async)

    asked = Approval.objects.get()
    assert (error.wait.kind, error.wait.name) == (WaitKind.APPROVAL, str(asked.id))
    assert error.wait.until == asked.expires_at
    assert asked.price_usd == Decimal("0.25")
    assert executions()[0][0] == "refused"


def test_an_approved_call_is_made_once(context, is_async):
    grant(requires_approval=True)
    refused(context, ask(), Postponed, is_async=is_async)
    approvals.approve(Approval.objects.get().id, actor=SYSTEM)

    call(context, ask(), is_async=is_async)

    assert "approved by" in executions()[1][1]
    refused(context, ask(), Postponed, is_async=is_async)


def test_a_rejected_call_is_denied_with_the_reason(context, is_async):
    grant(requires_approval=True)
    refused(context, ask(), Postponed, is_async=is_async)
    approvals.reject(Approval.objects.get().id, actor=SYSTEM, reason="not on a Friday")

    error = refused(context, ask(), Denied, is_async=is_async)

    assert "not on a Friday" in str(error)


# What each gate reads for update, and so cannot decide without.
LOCKED: dict[str, tuple[str, dict[str, Any]]] = {
    "permission": ("worker_tool_permission_uses", {"max_calls_per_day": 5}),
    "approval": ("approvals", {"requires_approval": True}),
    "budget": ("budget_windows", {}),
}


@pytest.mark.parametrize("gate", LOCKED)
def test_a_gate_whose_rows_somebody_has_locked_is_unavailable(context, is_async, gate, monkeypatch):
    table, terms = LOCKED[gate]
    grant(**terms)
    allow(WORKER, daily_limit="10")
    with suppress(Postponed):  # so that there is a row to lock
        call(context, ask(cost=CENT), is_async=is_async)
    made = ToolExecution.objects.count()
    monkeypatch.setattr(admission, "LOCK_SECONDS", 0.05)
    with somebody_else() as psql:
        psql.execute(f"SELECT FROM {table} FOR UPDATE")

        error = refused(context, ask(cost=CENT), Postponed, is_async=is_async)

    assert (error.wait.kind, error.wait.name) == (WaitKind.LOCK, gate)
    assert f"the {gate} gate is unavailable" in error.wait.sentence
    assert timezone.now() < error.wait.until < timezone.now() + timedelta(minutes=1)
    assert len(executions()) == made + 1
    assert executions()[-1][:2] == ("failed", f"{gate}: the gate is unavailable")
    assert not BudgetHold.objects.filter(state="open").exists()


def test_a_call_beyond_the_budget_waits_for_its_window(context, is_async):
    allow(WORKER, daily_limit="0.005")

    error = refused(context, ask(cost=CENT), Postponed, is_async=is_async)

    wait = error.wait
    assert (wait.kind, wait.name, wait.window) == (WaitKind.BUDGET, WORKER, "day")
    assert wait.amount_usd == Decimal("0.01")
    assert wait.until is not None
    assert executions()[0][:2] == ("refused", f"budget: {WORKER} for the day")
    assert holds() == []


def test_an_answer_that_is_too_dear_is_shortened(context, is_async):
    bound = Bound(0, Decimal(0), Decimal(1_000_000), Decimal(0))  # a USD a token
    allow(WORKER, daily_limit="5")

    answered = call(
        context,
        ask(cost=TokenCost(bound, max_tokens=8, least_tokens=2)),
        is_async=is_async,
        send=lambda permit: calls.CallResult(value=(permit.max_tokens, permit.held_usd)),
    )

    assert answered.value == (5, Decimal(5))


def test_an_open_breaker_is_a_failed_call_as_the_runbook_looks_for_it(context, is_async):
    name = f"service-{uuid4().hex}"
    open_breaker(name)

    error = refused(context, ask(breakers=(name,), cost=CENT), Postponed, is_async=is_async)

    assert (error.wait.kind, error.wait.name) == (WaitKind.BREAKER, name)
    [(status, _, said)] = executions()
    assert status == "failed"
    assert f"circuit breaker {name} refuses calls" in said
    assert "not before" in said
    assert holds() == ["released"]


def test_without_time_nothing_is_sent(context, is_async):
    context.ends_at = time.monotonic()

    refused(context, ask(cost=CENT), TransientFailure, is_async=is_async)

    assert executions()[0][:2] == ("failed", "deadline: the attempt is over")
    assert holds() == ["released"]


def test_the_attempt_bounds_the_call(context, is_async):
    context.ends_at = time.monotonic() + 5

    answered = call(
        context, ask(), is_async=is_async, send=lambda permit: calls.CallResult(value=permit.seconds)
    )

    assert 0 < answered.value < 5


def test_arguments_that_cannot_be_told_to_a_person_are_a_failure(context, is_async):
    grant(requires_approval=True)

    refused(context, ask(arguments={"f": object()}), PermanentFailure, is_async=is_async)

    assert executions()[0][:2] == ("failed", "arguments: they are not JSON")


def test_a_later_refusal_gives_everything_back(context, is_async):
    grant(requires_approval=True, max_calls_per_day=1)
    refused(context, ask(cost=CENT), Postponed, is_async=is_async)
    approvals.approve(Approval.objects.get().id, actor=SYSTEM)
    allow(WORKER, daily_limit="0.005")

    refused(context, ask(cost=CENT), Postponed, is_async=is_async)

    assert Approval.objects.get().status == "approved"
    allow(WORKER, daily_limit="1")
    call(context, ask(cost=CENT), is_async=is_async)


def test_a_permission_that_ended_says_so(context, is_async):
    now = timezone.now()
    permissions.revoke(WORKER, TOOL, actor=SYSTEM)
    grant(valid_until=(now - timedelta(minutes=5)).isoformat())

    refused(context, ask(), Denied, is_async=is_async)

    assert "ended 5 min ago" in executions()[0][1]


def test_a_model_without_a_price_names_what_is_missing():
    failure = calls.no_price(UnknownPrice("openrouter", "new-model"), tool_name="model.chat")

    assert isinstance(failure, PermanentFailure)
    assert "'new-model'" in str(failure)
    assert "model_prices" in str(failure)
    assert (failure.tool_name, failure.service) == ("model.chat", "openrouter")


def test_a_call_beyond_the_rate_waits_for_its_time(context, is_async, monkeypatch):
    monkeypatch.setattr(windows, "FRESH_SECONDS", 0.0)
    tool = f"tool-{uuid4().hex}"
    grant(tool)
    rate_limits.set_limit(tool, max_calls=1, actor=SYSTEM)
    call(context, ask(tool_name=tool), is_async=is_async)

    error = refused(context, ask(tool_name=tool, cost=CENT), Postponed, is_async=is_async)

    assert (error.wait.kind, error.wait.name) == (WaitKind.RATE_LIMIT, tool)
    assert error.wait.until is not None
    assert executions()[1][:2] == ("refused", f"rate limit: {tool}")
    assert holds() == []
