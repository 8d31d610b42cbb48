"""How a call can end, and what becomes of its breakers, its money, its record and its task."""

import asyncio
import time
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection

from governance.costs.pricing import Price, Usage
from governance.models import CostLine, ToolExecution
from governance.tasks.waits import WaitKind
from reliability import breakers, calls
from reliability.breakers import status
from reliability.calls import CallFailed, Money, PermitUsed
from reliability.failures import (
    OutcomeUnknown,
    PermanentFailure,
    Postponed,
    Stopped,
    TaskFailure,
    TransientFailure,
)
from tests.door import CENT, ask, call, executions, holds
from tests.door import answer as answer_of
from tests.governance.budgets import assert_sound

pytestmark = pytest.mark.slow


@pytest.fixture
def name():
    return f"service-{uuid4().hex}"


def raising(error):
    def send(permit):
        raise error

    return send


def failing(error=None, outcome=breakers.FAILURE, **facts):
    return raising(CallFailed("it said no", error=error, outcome=outcome, **facts))


def costs():
    return list(CostLine.objects.values_list("cost_usd", "price_source"))


def test_what_the_provider_says_is_booked_in_the_ledger_and_beside_the_call(context, is_async):
    call(
        context,
        ask(cost=CENT, service="local", model="m"),
        is_async=is_async,
        send=lambda permit: answer_of("0.004", model="m-2", request_id="r1"),
    )

    line, row = CostLine.objects.get(), ToolExecution.objects.get()
    assert (line.cost_usd, line.model, line.request_id) == (Decimal("0.004"), "m-2", "r1")
    assert (row.cost_usd, row.model, row.status) == (Decimal("0.004"), "m-2", "succeeded")
    assert holds() == ["settled"]
    assert_sound()


def test_an_answer_without_a_price_costs_the_whole_hold(context, is_async):
    call(context, ask(cost=CENT), is_async=is_async)

    assert costs() == [(Decimal("0.01"), "unpriced")]
    assert ToolExecution.objects.get().cost_usd == Decimal("0.01")


@pytest.mark.parametrize(
    "figures",
    [
        {"usd": "1e30"},
        {"usd": "NaN"},
        {"usd": "-1"},
        {"usd": "0.004", "usage": Usage(output_tokens=10**15)},
    ],
)
def test_figures_that_no_call_can_have_charge_the_hold_and_break_nothing(context, figures, caplog):
    facts = figures | {"unpriced_reason": "not kept: the flaw is"}
    usd = facts.pop("usd")

    ended = call(context, ask(cost=CENT), is_async=False, send=lambda permit: answer_of(usd, **facts))

    line = CostLine.objects.get()
    assert costs() == [(CENT.usd, "unpriced")]
    assert (ended.charged_usd, holds()) == (CENT.usd, ["settled"])
    assert "USD is not one from 0 to" in line.reason or "output_tokens is 1000000000000000" in line.reason
    assert line.reason in caplog.text
    assert_sound()


def test_the_answer_says_what_was_charged(context, is_async):
    priced = call(context, ask(cost=CENT), is_async=is_async, send=lambda permit: answer_of("0.004"))
    free = call(context, ask(), is_async=is_async)

    assert (priced.charged_usd, free.charged_usd) == (Decimal("0.004"), None)


def test_an_answer_is_a_success_for_each_breaker_unless_it_says_otherwise(context, is_async, name):
    service, part = name, f"{name}:part"
    failed = answer_of(outcomes={part: breakers.FAILURE})

    call(context, ask(breakers=(service, part)), is_async=is_async, send=lambda permit: failed)

    found = status.of_all()
    assert [(found[one]["calls"], found[one]["failures"]) for one in (service, part)] == [(1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("money", "state", "booked"),
    [
        (Money.RELEASED, "released", []),
        (Money.UNKNOWN, "unknown", [(Decimal("0.01"), "unknown")]),
        (Price(Decimal("0.002"), "provider"), "settled", [(Decimal("0.002"), "provider")]),
    ],
    ids=["released", "unknown", "priced"],
)
def test_a_failed_call_says_what_becomes_of_its_money(context, is_async, name, money, state, booked):
    failure = TransientFailure("again, please")

    with pytest.raises(TransientFailure) as caught:
        call(
            context,
            ask(cost=CENT, breakers=(name,), service="local"),
            is_async=is_async,
            send=failing(failure, money=money),
        )

    assert caught.value is failure
    assert (failure.tool_name, failure.service) == ("test.tool", "local")
    assert holds() == [state]
    assert costs() == booked
    assert executions()[0][::2] == ("failed", "it said no")
    assert status.of_all()[name]["failures"] == 1


def test_a_failure_that_opens_the_breaker_parks_the_task(context, is_async, name):
    with pytest.raises(Postponed) as caught:
        call(
            context,
            ask(breakers=(name,)),
            is_async=is_async,
            send=failing(outcome=breakers.rate_limited(30), money=Money.RELEASED),
        )

    wait = caught.value.wait
    assert (wait.kind, wait.name) == (WaitKind.BREAKER, name)
    assert wait.until is not None
    assert "rate limit exceeded" in wait.sentence


def test_credentials_that_are_refused_wait_for_an_operator(context, is_async, name):
    with pytest.raises(Postponed) as caught:
        call(context, ask(breakers=(name,)), is_async=is_async, send=failing(outcome=breakers.auth("401")))

    assert caught.value.wait.until is None


def test_a_silent_service_is_cut_off_and_counts_as_a_failure(context, name):
    async def silence(permit):
        await asyncio.sleep(60)

    with pytest.raises(TransientFailure, match="did not answer within"):
        asyncio.run(calls.governed_call(context, ask(cost=CENT, seconds=0.05, breakers=(name,)), silence))

    assert holds() == ["unknown"]
    assert status.of_all()[name]["failures"] == 1
    assert "did not answer" in executions()[0][2]


def test_a_service_that_the_attempt_gave_no_time_is_not_blamed(context, name):
    async def silence(permit):
        await asyncio.sleep(60)

    context.ends_at = time.monotonic() + 3.0
    with pytest.raises(TransientFailure, match="did not answer within"):
        asyncio.run(calls.governed_call(context, ask(seconds=60, breakers=(name,)), silence))

    assert status.of_all()[name]["calls"] == 0


def test_a_timeout_of_the_tool_itself_is_its_own_error(context, is_async):
    with pytest.raises(TimeoutError, match="inside"):
        call(context, ask(), is_async=is_async, send=raising(TimeoutError("inside")))

    assert executions()[0][::2] == ("failed", "TimeoutError: inside")


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3)], ids=repr)
def test_any_other_error_is_recorded_and_raised_as_it_is(context, is_async, name, error):
    with pytest.raises(type(error)) as caught:
        call(context, ask(cost=CENT, breakers=(name,)), is_async=is_async, send=raising(error))

    assert caught.value is error
    assert holds() == ["unknown"]
    assert executions()[0][2] == f"{type(error).__name__}: {error}"
    assert status.of_all()[name]["calls"] == 0


def test_a_plain_call_that_was_stopped_says_so(context):
    def send(permit):
        context.is_stopped = True
        context.check()

    with pytest.raises(Stopped):
        call(context, ask(cost=CENT), is_async=False, send=send)

    assert holds() == ["unknown"]
    assert executions()[0][2].startswith("stopped: ")


def test_a_passage_is_for_one_call(context, is_async):
    kept = []

    def send(permit):
        kept.append(permit)
        with pytest.raises(PermitUsed):
            permit.use()  # `call` has used it
        return answer_of()

    call(context, ask(), is_async=is_async, send=send)

    with pytest.raises(PermitUsed):
        kept[0].use()


def test_a_passage_that_was_not_used_ends_with_its_call(context):
    kept = []

    def send(permit):
        kept.append(permit)
        return answer_of()

    calls.governed_call_sync(context, ask(), send)

    with pytest.raises(PermitUsed):
        kept[0].use()


def test_permanent_failures_are_raised_as_they_are(context, is_async):
    with pytest.raises(PermanentFailure, match="no such model"):
        call(context, ask(), is_async=is_async, send=failing(PermanentFailure("no such model")))


def test_what_came_of_a_call_is_kept_when_it_is_booked(context, is_async):
    kept = []

    def keep(came, permit):
        row = ToolExecution.objects.get()  # the same transaction has ended it already
        kept.append((came.value, permit.execution_id == row.id, row.status, connection.in_atomic_block))

    call(context, ask(cost=CENT, key="step-1", kept=keep), is_async=is_async)

    assert kept == [("fine", True, "succeeded", True)]
    assert ToolExecution.objects.get().call_key == "step-1"


def test_a_failure_and_a_silence_are_kept_too(context):
    kept = []

    def keep(came, permit):
        kept.append(type(came.error))

    async def silence(permit):
        await asyncio.sleep(60)

    with pytest.raises(PermanentFailure):
        call(context, ask(kept=keep), is_async=False, send=failing(PermanentFailure("no")))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(calls.governed_call(context, ask(kept=keep, seconds=0.05), silence))

    assert kept == [PermanentFailure, OutcomeUnknown]


def test_what_cannot_be_kept_is_said_and_booked_all_the_same(context, is_async, caplog):
    def keep(came, permit):
        raise ValueError("no room")

    call(context, ask(cost=CENT, kept=keep), is_async=is_async)

    assert "could not be kept" in caplog.text
    assert (holds(), executions()[0][0]) == (["settled"], "succeeded")


def test_a_refused_call_leaves_its_key_free(context, is_async):
    with pytest.raises(TaskFailure):
        call(context, ask(tool_name="else.where", key="step-1"), is_async=is_async)

    assert ToolExecution.objects.get().call_key == ""
