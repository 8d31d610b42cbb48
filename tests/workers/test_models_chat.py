"""Asking a model: what it is sent, what it answers, and which model is asked when another cannot."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway import providers
from gateway.providers import ModelAnswer, NotConfigured, client
from governance.models import BudgetHold, CostLine, ToolExecution
from governance.tasks.waits import WaitKind
from reliability.failures import Denied, PermanentFailure, Postponed, TransientFailure
from tests.door import running_task
from tests.governance.budgets import allow, assert_sound
from tests.workers.models import ASKED, FIRST, KEY, SECOND, ask, calls, holds, ledger, run, the_call

BOTH = [FIRST, SECOND]
TOOL = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}},
}


def test_an_answer_says_all_there_is_to_know_of_it(provider, service, context):
    provider.tell(
        script=[
            {
                "text": "One moment.",
                "tool_calls": [{"id": "c1", "name": "look_up", "arguments": {"key": "a"}}],
                "served_by": "maker/first-2026",
                "cost_usd": 0.002,
                "usage": {
                    "prompt_tokens": 120,
                    "completion_tokens": 30,
                    "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5},
                    "completion_tokens_details": {"reasoning_tokens": 20},
                },
            }
        ]
    )

    answer = ask(context, tools=[TOOL])

    assert (answer.text, answer.finish_reason, answer.model) == (
        "One moment.",
        "tool_calls",
        "maker/first-2026",
    )
    assert [(call.id, call.name, call.parsed()) for call in answer.tool_calls] == [
        ("c1", "look_up", {"key": "a"})
    ]
    assert answer.request_id.startswith("gen-sim-")
    line = CostLine.objects.get()
    assert (line.cost_usd, line.model, line.request_id) == (Decimal("0.002"), answer.model, answer.request_id)
    tokens = (line.input_tokens, line.output_tokens, line.cache_read_tokens, line.cache_write_tokens)
    assert (tokens, line.reasoning_tokens) == ((120, 30, 100, 5), 20)
    assert the_call().model == "maker/first-2026"


def test_an_answer_can_be_stored_and_put_into_the_next_turn(provider, service, context):
    provider.tell(script=[{"turn": 0, "tool_calls": [{"id": "c1", "name": "look_up"}]}])
    answer = ask(context, tools=[TOOL])

    stored = ModelAnswer.model_validate(answer.model_dump(mode="json"))
    said = {"role": "tool", "tool_call_id": "c1", "content": "found"}
    second = ask(context, [*ASKED, stored.message, said], tools=[TOOL])

    assert stored == answer
    assert second.finish_reason == "stop"
    sent = provider.received()[1]["body"]["messages"][1]
    assert (sent["role"], sent["tool_calls"][0]["id"]) == ("assistant", "c1")


def test_what_is_asked_for_is_what_is_sent(provider, service, context):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    answer = ask(context, response_schema=schema, tools=[TOOL], temperature=0.25, max_tokens=300)

    [request] = provider.received()
    body = request["body"]
    assert (body["model"], body["temperature"], body["max_tokens"]) == (FIRST, 0.25, 300)
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert body["tools"] == [TOOL]
    assert "provider" not in body
    assert answer.text


def test_openrouter_is_told_the_price_that_was_reserved(provider, service, settings, context):
    settings.JUGGERNAUT_LLM_SERVICE = "openrouter"
    settings.JUGGERNAUT_LLM_MODELS = ""

    answer = ask(context)

    [request] = provider.received()
    assert request["body"]["provider"]["max_price"] == {"prompt": 0.25, "completion": 2.0, "request": 0.0}
    assert answer.model == request["body"]["model"] == "openai/gpt-5-mini"
    assert ledger() == [("provider", answer.cost_usd)]


def test_without_the_providers_price_the_operators_counts(provider, service, context):
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    provider.tell(script=[{"text": "Fine.", "without_cost": True, "usage": usage}])

    answer = ask(context)

    assert answer.cost_usd == Decimal("0.0014")
    assert ledger() == [("operator", Decimal("0.0014"))]


def test_a_model_that_served_and_that_nobody_prices_costs_the_whole_hold(provider, service, context):
    provider.tell(script=[{"text": "Fine.", "without_cost": True, "served_by": "maker/unheard-of"}])

    answer = ask(context)

    assert ledger() == [("unpriced", answer.cost_usd)]
    assert CostLine.objects.get().reason == "no price is known of maker/unheard-of for this usage"
    assert holds() == ["settled"]


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        ({}, "prompt_tokens is missing"),
        (None, "the answer reports no usage"),
        ({"prompt_tokens": 12, "completion_tokens": 7.5}, "completion_tokens is 7.5"),
        ({"prompt_tokens": 0, "completion_tokens": 0}, "the counts are all zero"),
        ({"prompt_tokens": 10**15, "completion_tokens": 7}, "not a count of tokens"),
        ({"prompt_tokens": 12, "completion_tokens": 7, "cost": 1e30}, "usage.cost is 1e+30"),
    ],
)
def test_unreadable_usage_charges_the_hold_and_keeps_the_reason(provider, service, context, usage, reason):
    provider.tell(script=[{"text": "Fine.", "usage": usage, "usage_as_is": True}])

    answer = ask(context)

    line = CostLine.objects.get()
    hold = BudgetHold.objects.get()
    assert (line.price_source, line.cost_usd, answer.cost_usd) == (
        "unpriced",
        hold.amount_usd,
        hold.amount_usd,
    )
    assert reason in line.reason
    assert (hold.state, the_call().status, the_call().cost_usd) == ("settled", "succeeded", hold.amount_usd)
    assert_sound()


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": "1000", "completion_tokens": 100.0},
        {"input_tokens": 1000, "output_tokens": 100},
    ],
)
def test_usage_in_any_writing_is_priced(provider, service, context, usage):
    provider.tell(script=[{"text": "Fine.", "usage": usage, "usage_as_is": True}])

    ask(context)

    assert ledger() == [("operator", Decimal("0.0014"))]


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"prompt_tokens": "?", "completion_tokens": 100_000}, "0.4"),
        ({"prompt_tokens": 100_000, "completion_tokens": 7.5}, "0.1"),
        ({"prompt_tokens": 0, "completion_tokens": 100_000, "cost": 1e30}, "0.4"),
    ],
)
def test_an_unreadable_usage_costs_no_less_than_what_can_be_read_of_it(
    provider, service, context, usage, usd
):
    provider.tell(script=[{"text": "Fine.", "usage": usage, "usage_as_is": True}])

    answer = ask(context, max_tokens=256)

    assert ledger() == [("unpriced", Decimal(usd))]
    assert answer.cost_usd == Decimal(usd)
    assert CostLine.objects.get().reason
    assert_sound()


def test_what_can_be_read_of_an_unreadable_usage_costs_no_less_than_the_hold(provider, service, context):
    usage = {"prompt_tokens": 1, "completion_tokens": -1}
    provider.tell(script=[{"text": "Fine.", "usage": usage, "usage_as_is": True}])

    ask(context, max_tokens=256)

    [hold] = BudgetHold.objects.all()
    assert ledger() == [("unpriced", hold.amount_usd)]
    assert hold.amount_usd > Decimal("0.001")


def test_with_a_key_of_one_s_own_the_upstream_s_cost_is_booked(provider, service, context):
    usage: dict[str, Any] = {"prompt_tokens": 12, "completion_tokens": 7, "cost": 0, "is_byok": True}
    usage["cost_details"] = {"upstream_inference_cost": 0.0123}
    provider.tell(script=[{"text": "Fine.", "usage": usage, "usage_as_is": True}])

    ask(context)

    assert ledger() == [("provider", Decimal("0.0123"))]


def test_a_dated_alias_is_priced_as_its_model(provider, service, context):
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    provider.tell(
        script=[{"text": "Fine.", "usage": usage, "usage_as_is": True, "served_by": f"{FIRST}-2026-03-05"}]
    )

    ask(context)

    assert ledger() == [("operator", Decimal("0.0014"))]


def test_nothing_is_a_price(provider, service, context):
    provider.tell(script=[{"text": "Free.", "cost_usd": 0}])

    assert ask(context).cost_usd == 0
    assert ledger() == [("provider", Decimal(0))]


def test_an_answer_is_shortened_to_what_can_be_paid(provider, service, context):
    allow(daily_limit="0.002")

    ask(context, max_tokens=100_000)

    assert 256 <= provider.received()[0]["body"]["max_tokens"] < 500


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429},
        {"status": 404},
        {"status": 502},
        {"kind": "no_choices"},
        {"kind": "hang"},
        {"kind": "cut"},
    ],
    ids=["429", "404", "502", "no choices", "timeout", "cut"],
)
def test_what_another_model_may_not_have_is_tried_there(provider, service, context, fault):
    provider.tell(faults=[{"model": FIRST} | fault])

    answer = ask(context, models=BOTH, seconds=1.0 if "hang" in fault.values() else 30.0)

    assert answer.model == SECOND
    assert calls() == [(FIRST, "failed"), (SECOND, "succeeded")]
    assert len(holds()) == 2
    assert_sound()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 400}, PermanentFailure),
        ({"status": 413}, PermanentFailure),
        ({"status": 403}, PermanentFailure),
        ({"status": 401}, Postponed),
        ({"status": 402}, Postponed),
        ({"status": 402, "metadata": {"limit_source": "openrouter_in_flight_budget"}}, Postponed),
    ],
    ids=["400", "413", "403", "401", "402", "in flight"],
)
def test_what_every_model_would_have_is_not_tried_again(provider, service, context, fault, error):
    provider.tell(faults=[fault])

    with pytest.raises(error):
        ask(context, models=BOTH)

    assert len(provider.received()) == 1


def test_a_model_whose_breaker_is_open_is_passed_over_without_a_send(provider, service, context):
    provider.tell(faults=[{"model": FIRST, "status": 429, "retry_after": 600}])
    ask(context, models=BOTH)

    answer = ask(context, models=BOTH)

    assert answer.model == SECOND
    assert [entry["body"]["model"] for entry in provider.received()] == [FIRST, SECOND, SECOND]
    refused = ToolExecution.objects.filter(model=FIRST, error_message__contains="circuit breaker").get()
    assert refused.status == "failed"


def test_a_task_that_all_models_refuse_waits_for_the_one_that_comes_back_first(provider, service, context):
    faults = [
        {"model": FIRST, "status": 429, "retry_after": 900},
        {"model": SECOND, "status": 429, "retry_after": 60},
    ]
    provider.tell(faults=faults)

    with pytest.raises(Postponed) as parked:
        ask(context, models=BOTH)

    wait = parked.value.wait
    assert (wait.kind, wait.name) == (WaitKind.BREAKER, f"{service.name}:{SECOND}")
    assert wait.until
    assert wait.until - datetime.now(UTC) < timedelta(seconds=120)
    assert holds() == ["released", "released"]


def test_a_failure_counts_although_another_model_only_has_to_wait(provider, service, context):
    provider.tell(faults=[{"model": FIRST, "status": 500}, {"model": SECOND, "status": 429}])

    with pytest.raises(TransientFailure, match="500"):
        ask(context, models=BOTH)


def test_a_service_that_is_refused_is_not_asked_for_another_model(provider, service, context):
    provider.tell(faults=[{"status": 401, "times": 1}])
    with pytest.raises(Postponed):
        ask(context, models=BOTH)

    with pytest.raises(Postponed) as parked:
        ask(context, models=BOTH)

    assert parked.value.wait.name == service.name
    assert len(provider.received()) == 1


def test_an_empty_budget_is_not_tried_with_another_model(provider, service, context):
    allow(daily_limit="0")

    with pytest.raises(Postponed) as parked:
        ask(context, models=BOTH)

    assert parked.value.wait.kind is WaitKind.BUDGET
    assert (calls(), provider.received()) == ([(FIRST, "refused")], [])


def test_a_worker_without_permission_is_denied_before_anything_is_sent(provider, service):
    stranger = running_task()
    stranger.worker_id = "WATCHDOG"

    with pytest.raises((Denied, Postponed)):
        ask(stranger)

    assert provider.received() == []


def test_a_model_without_a_price_is_not_asked_and_says_what_to_do(provider, service, context):
    with pytest.raises(PermanentFailure, match="add it to model_prices"):
        ask(context, models=["maker/unheard-of"])

    assert provider.received() == []
    assert (the_call().status, the_call().rule) == ("refused", "price: none is known of maker/unheard-of")
    assert ask(context, models=["maker/unheard-of", SECOND]).model == SECOND


def test_without_a_key_one_line_says_what_to_set_and_no_call_is_made(provider, service, settings, context):
    settings.JUGGERNAUT_LLM_API_KEY = ""

    with pytest.raises(NotConfigured) as error:
        ask(context)

    assert str(error.value) == (
        "no model can be called: set JUGGERNAUT_LLM_API_KEY to a key of 127.0.0.1"
        " (any text, if it needs none)"
    )
    assert (calls(), provider.received()) == ([], [])


def test_a_key_that_a_provider_repeats_is_kept_nowhere(provider, service, context):
    provider.tell(faults=[{"status": 400, "message": f"Incorrect key {KEY} provided {'x' * 9000}"}])

    with pytest.raises(PermanentFailure) as error:
        ask(context)

    for text in (str(error.value), the_call().error_message, str(the_call().arguments)):
        assert KEY not in text
    assert len(str(error.value)) < 500


def test_a_slow_answer_is_slow_for_the_breakers(provider, service, settings, context):
    settings.JUGGERNAUT_LLM_SLOW_SECONDS = 0.001

    ask(context)

    assert [service.breaker(part)["failures"] for part in ("", FIRST)] == [1, 1]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], r"messages: expected at least one"),
        ([{"role": "robot", "content": "x"}], r"messages\[0\].role: expected one of"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], r"messages\[0\].content: expected text"),
        ([{"role": "user", "content": "x", "at": datetime}], "is not JSON"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_the_door(provider, service, context, messages, said):
    with pytest.raises(PermanentFailure, match=said):
        run(providers.chat(context, messages))

    assert (calls(), provider.received()) == ([], [])


def test_a_hundred_calls_wait_at_once_on_few_connections_to_the_database(provider, service, context):
    from django.db import connection

    provider.tell(latency={"seconds": 3.0})

    async def ask_all():
        asking = [asyncio.ensure_future(providers.chat(context, ASKED)) for _ in range(100)]
        await asyncio.sleep(0)
        return await asyncio.gather(*asking)

    answers = run(ask_all())

    assert len(answers) == 100
    assert provider.most_at_once() == 100
    assert len(ledger()) == 100
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        assert cursor.fetchone()[0] <= 12
    assert_sound()


def test_the_connections_are_closed_with_the_loop(provider, service, context):
    async def ask_and_look():
        await providers.chat(context, ASKED)
        [kept] = client.of_loop().values()
        return kept

    kept = run(ask_and_look())

    assert kept.is_closed()


def test_a_breaker_that_opens_by_failures_parks_the_task(provider, service, context):
    provider.tell(faults=[{"status": 503}])
    for _ in range(5):
        with pytest.raises(TransientFailure):
            ask(context)

    with pytest.raises(Postponed) as parked:
        ask(context)

    assert parked.value.wait.name == service.name
    assert len(provider.received()) == 5
