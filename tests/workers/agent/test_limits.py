"""An agent is stopped at its limits, each with its name."""

from decimal import Decimal

import pytest

from tests.workers.agent.turns import answered, failed, payload, returned, stopped, turns
from workers.agent import limits


def reached(steps, *, repairs=2, spent_usd="0", **bounds):
    asked = payload(limits=bounds).limits
    return limits.reached(asked, turns(*steps), repairs=repairs, spent_usd=Decimal(spent_usd))


def reason(steps, **bounds):
    stop = reached(steps, **bounds)
    return stop and stop.reason


def working(count, **facts):
    """So many turns, each with one call that brings something new."""
    return [
        step
        for n in range(1, count + 1)
        for step in (answered(n, "", ("look", f'{{"page": {n}}}'), **facts), returned(n, 1, f"page {n}"))
    ]


def test_an_agent_that_gets_on_is_not_stopped():
    assert reached(working(29)) is None
    assert reached([]) is None


def test_turns_are_counted():
    assert reason(working(3), turns=4) is None
    assert reached(working(4), turns=4) == limits.Stop(limits.StopReason.TURNS, "4 turns of 4")


def test_calls_of_tools_are_counted():
    assert reason(working(3), tool_calls=3) is None
    assert reason(working(4), tool_calls=3) == "tool_calls"


def test_the_ledger_s_cost_is_limited_whatever_the_steps_say():
    free = working(2, cost_usd="0")

    assert reason(free, cost_usd="0.11", spent_usd="0.1") is None
    stop = reached(free, cost_usd="0.1", spent_usd="0.1")
    assert stop == limits.Stop(limits.StopReason.MONEY, "0.1 USD of 0.1")
    assert reason([], cost_usd="0.1", spent_usd="0.1") == "money"


def test_time_counts_models_and_tools():
    steps = [answered(1, "", ("look", "{}"), seconds=6.0), returned(1, 1, "x", seconds=5.0)]

    assert reason(steps, seconds=12) is None
    assert reason(steps, seconds=11) == "time"


def test_the_same_call_again_and_again_stops_it_however_it_is_written():
    calls = ['{"a": 1, "b": 2}', '{"b":2,"a":1}', ' {"a":1,"b":2}']
    steps = [
        s
        for n, text in enumerate(calls, 1)
        for s in (answered(n, "", ("look", text)), returned(n, 1, f"changed {n}"))
    ]

    assert reason(steps[:4], identical_calls=3) is None
    assert reason(steps, identical_calls=3) == "identical_calls"


def test_turns_without_anything_new_stop_it():
    errors = [
        s
        for n in range(1, 6)
        for s in (answered(n, "", ("look", f'{{"page": {n}}}')), failed(n, 1, f"no page {n}"))
    ]

    assert reason(errors[:8], idle_turns=5) is None
    assert reason(errors, idle_turns=5) == "no_progress"


def in_turns(*calls):
    return [
        s
        for n, (arguments, value) in enumerate(calls, 1)
        for s in (answered(n, "", ("look", arguments)), returned(n, 1, value))
    ]


def test_the_same_call_with_the_same_result_is_nothing_new_even_between_others():
    steps = in_turns(("[1]", "a"), ("[2]", "b"), ("[1]", "a"), ("[2]", "b"))

    assert reason(steps, idle_turns=2) == "no_progress"
    assert reason(steps, idle_turns=3) is None


def test_another_call_with_the_same_result_is_progress():
    assert reason(in_turns(*((f"[{n}]", "written") for n in range(10))), idle_turns=2) is None


def test_the_same_call_with_another_result_is_progress():
    assert reason(in_turns(("[1]", "a"), ("[2]", "b"), ("[1]", "c"), ("[2]", "d")), idle_turns=2) is None


@pytest.mark.parametrize(("repairs", "stops"), [(0, "repairs"), (1, None)])
def test_answers_that_do_not_fit_are_sent_back_so_often(repairs, stops):
    assert reason([answered(1, "not it")], repairs=repairs) == stops


def test_who_retries_a_stopped_agent_gives_it_its_limits_anew():
    stopped_at = [*working(3), stopped(3)]

    assert reason(working(3), turns=3) == "turns"
    assert reason(stopped_at, turns=3) is None
