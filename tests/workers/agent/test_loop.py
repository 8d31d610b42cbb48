"""An agent works turn by turn against a provider on the wire."""

from decimal import Decimal

import pytest

from governance import budgets
from governance.access import permissions
from governance.models import BudgetHold, TaskStep
from governance.tasks import checkpoints
from reliability.failures import PermanentFailure
from tests.governance import samples
from tests.workers.agent import counting
from tests.workers.agent.counting import asked_of, calling, kept, made, says, text, work
from tests.workers.models import FIRST, ledger
from workers import tools

pytestmark = pytest.mark.usefixtures("counting_tools")


def test_an_answer_in_the_first_turn(context, provider):
    says(provider, text("Seven."))

    result = work(context)

    assert result.model_dump() == {
        "answer": "Seven.",
        "turns": 1,
        "tool_calls": 0,
        "repairs": 0,
        "cost_usd": str(ledger()[0][1].normalize()),
        "models": [FIRST],
    }
    assert [(turn, call) for turn, call, _ in kept(context)] == [(1, 0)]


def test_it_calls_tools_until_it_knows(context, provider):
    says(provider, calling("count_retry", of="sheep"), calling("count_ask", of="dogs"), text("One of each."))

    result = work(context)

    assert (result.answer, result.turns, result.tool_calls) == ("One of each.", 3, 2)
    assert made == ["sheep", "dogs"]
    *_, last = asked_of(provider)
    assert [message["role"] for message in last] == [
        "system", "user", "assistant", "tool", "assistant", "tool",
    ]  # fmt: skip
    assert last[3]["content"] == '{"of":"sheep","count":1}'


def test_calls_of_one_turn_are_made_together_and_told_in_order(context, provider):
    says(provider, calling("count_retry", "count_fail", "count_ask", of="x"), text("Done."))

    work(context)

    *_, last = asked_of(provider)
    ids = [call["id"] for call in last[2]["tool_calls"]]
    assert [message["tool_call_id"] for message in last[3:]] == ids
    assert len(made) == 3


def test_it_is_offered_what_its_worker_may_use_and_its_task_names(context, provider):
    says(provider, text("Nothing to do."))

    work(context, tools=["count.ask"])

    [entry] = provider.received()
    [tool] = entry["body"]["tools"]
    assert tool["function"]["name"] == "count_ask"
    assert tool["function"]["description"] == "Count animals."


def test_a_task_that_names_no_tools_is_offered_none(context, provider):
    says(provider, text("Nothing to do."))

    work(context, tools=[])

    assert "tools" not in provider.received()[0]["body"]


def test_a_name_that_no_tool_has_fails_for_good_and_asks_nobody(context, provider):
    with pytest.raises(
        PermanentFailure, match=r"no tool is called 'count\.sheep'; expected some of: count\.ask"
    ):
        work(context, tools=["count.sheep"])

    assert provider.received() == []


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (calling("fly_away"), "error: no tool 'fly_away' is offered; there are: count_ask, count_fail"),
        (calling("count_ask", of=7), "error: count.ask: arguments.of: "),
        ({"tool_calls": [{"name": "count_ask", "arguments": "{"}]}, "error: the arguments are not JSON"),
        (calling("count_ask", fails="permanent"), "error: there is no such field"),
        (calling("count_fail", fails="permanent"), "error: there is no such field"),
    ],
)
def test_what_a_call_comes_to_is_told_to_the_model(context, provider, call, told):
    says(provider, call, text("Then not."))

    assert work(context).answer == "Then not."

    *_, last = asked_of(provider)
    assert last[-1]["content"].startswith(told)


def test_a_call_that_is_denied_is_told_to_the_model(context, provider, monkeypatch):
    monkeypatch.setattr(tools, "offered_to", lambda worker_id: tools.known())
    permissions.revoke(context.worker_id, "count.*", actor=samples.SYSTEM)
    says(provider, calling("count_ask"), text("Then not."))

    assert work(context).answer == "Then not."

    *_, last = asked_of(provider)
    assert "permission: ANALYST has none for count.ask" in last[-1]["content"]
    assert made == []


def test_an_answer_that_does_not_fit_is_repaired(context, provider):
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    says(provider, text("Seven."), text('{"count": "seven"}'), text('{"count": 7}'))

    result = work(context, answer_schema=schema)

    assert (result.answer, result.repairs) == ({"count": 7}, 2)
    *_, last = asked_of(provider)
    assert "'seven' is not of type 'integer'" in last[-1]["content"]


def test_an_answer_that_never_fits_fails_for_good(context, provider):
    schema = {"type": "object"}
    says(provider, text("Seven."), text("Seven!"))

    with pytest.raises(PermanentFailure, match=r"without an answer \(repairs\): 2 answers did not fit"):
        work(context, answer_schema=schema, repairs=1)


def test_a_limit_stops_it_with_its_name_and_who_retries_it_gives_it_anew(context, provider):
    says(provider, calling("count_ask", of="a"), calling("count_ask", of="b"), text("Two."))

    with pytest.raises(PermanentFailure, match=r"without an answer \(turns\): 1 turns of 1"):
        work(context, limits={"turns": 1})
    assert made == []

    assert work(context, limits={"turns": 5}).answer == "Two."
    assert len(provider.received()) == 3


def looking_at(count, **arguments):
    """So many turns, each with one call; a number among the arguments makes it another call each time."""
    return [calling("count_ask", of=f"page {n}", **arguments) for n in range(count)]


STOPS = {
    "turns": ({"turns": 2}, looking_at(2)),
    "tool_calls": ({"tool_calls": 2}, [calling("count_ask", "count_fail", "count_retry", of="x")]),
    "money": ({"cost_usd": "0.002"}, [line | {"cost_usd": 0.001} for line in looking_at(2)]),
    "time": ({"seconds": 1}, [line | {"seconds": 1.1} for line in looking_at(1)]),
    "identical_calls": ({"identical_calls": 2}, [calling("count_ask", of="x")] * 2),
    "no_progress": ({"idle_turns": 2}, looking_at(2, fails="permanent")),
}


@pytest.mark.parametrize("reason", STOPS)
def test_each_reason_stops_it_on_the_wire_and_is_told_and_kept(context, provider, reason):
    bounds, lines = STOPS[reason]
    says(provider, *lines, text("Never asked for."))

    with pytest.raises(PermanentFailure, match=rf"^agent stopped without an answer \({reason}\): \d"):
        work(context, limits=bounds)

    assert len(provider.received()) == len(lines)
    [stop] = TaskStep.objects.filter(task_id=context.task_id, kind="stop")
    assert stop.content["reason"] == reason


def test_the_money_limit_counts_charges_without_a_price_and_the_result_says_them(context, provider):
    unreadable = {"usage": {}, "usage_as_is": True}
    says(provider, *[line | unreadable for line in looking_at(5)], text("Never asked for."))

    with pytest.raises(PermanentFailure, match=r"\(money\)"):
        work(context, limits={"cost_usd": "0.000001"})

    assert [source for source, _ in ledger()] == ["unpriced"]
    assert len(provider.received()) == 1


def test_a_retried_agent_is_not_given_more_because_a_call_before_its_stop_is_corrected(context, provider):
    says(provider, *[line | {"cost_usd": 0.001} for line in looking_at(6)], text("Never asked for."))
    bounds = {"cost_usd": "0.002"}
    with pytest.raises(PermanentFailure, match=r"\(money\)"):
        work(context, limits=bounds)
    for hold in BudgetHold.objects.all():
        budgets.correct(hold.id, cost_usd=Decimal(0), actor=samples.SYSTEM, reason="they were free")

    with pytest.raises(PermanentFailure, match=r"\(money\)"):
        work(context, limits=bounds)

    assert len(provider.received()) == 4


def test_a_correction_while_it_works_is_in_its_cost(context, provider, monkeypatch):
    says(provider, calling("count_ask", of="x") | {"usage_as_is": True}, text("Seven."))

    def correcting(arguments):
        hold = BudgetHold.objects.get(state="settled")
        budgets.correct(hold.id, cost_usd=Decimal("0.5"), actor=samples.SYSTEM, reason="the bill says so")
        return {"count": 1}

    monkeypatch.setattr(counting, "returns", correcting)

    result = work(context)

    assert [source for source, _ in ledger()] == ["unpriced", "manual", "provider"]
    assert Decimal(result.cost_usd) == sum(usd for _, usd in ledger()) > Decimal("0.5")


def test_an_answer_that_was_cut_off_is_no_answer(context, provider):
    says(provider, text("Seven is the num") | {"finish_reason": "length"}, text("Seven."))

    result = work(context)

    assert (result.answer, result.repairs) == ("Seven.", 1)
    *_, last = asked_of(provider)
    assert "cut off" in last[-1]["content"]


def test_an_answer_that_is_too_long_to_be_kept_is_sent_back(context, provider, monkeypatch):
    monkeypatch.setattr(checkpoints, "MAX_BYTES", 2_000)
    says(provider, text("x" * 5_000), text("Seven."))

    assert work(context).answer == "Seven."

    assert ["cut off" in messages[-1]["content"] for messages in asked_of(provider)] == [False, True]


def test_calls_that_came_with_one_id_are_told_apart(context, provider):
    call = {"name": "count_ask", "arguments": {"of": "x"}, "id": "same"}
    says(provider, {"tool_calls": [call, call | {"name": "count_fail"}]}, text("Done."))

    work(context)

    *_, last = asked_of(provider)
    ids = [told["id"] for told in last[2]["tool_calls"]]
    assert len(set(ids)) == 2
    assert [told["tool_call_id"] for told in last[3:]] == ids


def test_what_cannot_be_stored_is_the_same_before_and_after_it_was(context, provider):
    says(provider, text("se\x00ven"))

    result = work(context)

    assert result.answer == "se\N{REPLACEMENT CHARACTER}ven"
    assert kept(context)[0][2]["text"] == result.answer
