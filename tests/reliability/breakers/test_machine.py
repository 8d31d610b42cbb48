"""Every edge of the state machine, in Redis and in a process alone."""

import pytest

from reliability import breakers
from reliability.breakers import FAILURE, NOT_COUNTED, SLOW, SUCCESS
from reliability.breakers.outcomes import Outcome
from tests.reliability.breakers.machines import Machine, half_open, opened, waited

pytestmark = pytest.mark.django_db(transaction=True)


# --------------------------------------------------------------------------------------------- closed


def test_it_opens_after_failures_in_a_row(machine: Machine):
    machine.begin(failure_threshold=3, reset_timeout=10)

    machine.fail(2)
    assert machine.state() == "closed"
    answer = machine.call(breakers.failure("connection reset"))

    assert (answer.state, answer.kind) == ("open", "failures")
    assert answer.cause == "3 failures in a row: connection reset"
    assert answer.left == pytest.approx(10, abs=2)
    assert machine.moves() == [("closed", "open")]


def test_a_success_ends_a_row_of_failures(machine: Machine):
    machine.begin(failure_threshold=3)

    machine.fail(2)
    machine.succeed(1)
    machine.fail(2)

    assert machine.state() == "closed"


def test_it_opens_by_rate_when_there_were_calls_enough(machine: Machine):
    machine.begin(failure_threshold=100, min_calls=6, failure_rate=0.5)

    for _ in range(2):
        machine.fail(1)
        machine.succeed(1)
    machine.succeed(1)
    assert machine.state() == "closed"
    machine.fail(1)

    assert machine.state() == "open"
    assert machine.ask()[0].cause == "3 of 6 calls failed"


def test_too_few_calls_have_no_rate(machine: Machine):
    machine.begin(failure_threshold=100, min_calls=10, failure_rate=0.1)

    machine.fail(9)

    assert machine.state() == "closed"


def test_what_is_older_than_the_window_is_forgotten(machine: Machine):
    machine.begin(failure_threshold=100, min_calls=4, failure_rate=0.5, window_seconds=10)

    machine.fail(3)
    machine.pass_time(10.1)
    machine.succeed(2)
    machine.fail(1)

    assert machine.state() == "closed"


def test_slow_answers_count_towards_the_rate_only(machine: Machine):
    machine.begin(failure_threshold=2, min_calls=5, failure_rate=1)

    for _ in range(4):
        machine.call(SLOW)
    assert machine.state() == "closed"
    machine.call(SLOW)

    assert machine.state() == "open"


def test_what_does_not_count_changes_nothing(machine: Machine):
    machine.begin(failure_threshold=2, min_calls=2, failure_rate=0.1)

    machine.fail(1)
    answers = [machine.call(NOT_COUNTED) for _ in range(5)]

    assert {answer.verdict for answer in answers} == {"ignored"}
    assert machine.state() == "closed"


@pytest.mark.parametrize(
    ("outcome", "kind", "left"),
    [
        (breakers.rate_limited(120), "rate_limited", 120),
        (breakers.rate_limited(3), "rate_limited", 3),
        (breakers.rate_limited(), "rate_limited", 10),
        (breakers.quota(500), "quota", 500),
        (breakers.quota(), "quota", None),
        (breakers.auth(), "auth", None),
    ],
)
def test_what_the_service_says_opens_it_at_once(
    machine: Machine, outcome: Outcome, kind: str, left: float | None
):
    machine.begin(reset_timeout=10)

    answer = machine.call(outcome)

    assert (answer.state, answer.kind) == ("open", kind)
    assert answer.left is None if left is None else answer.left == pytest.approx(left, abs=2)


# ----------------------------------------------------------------------------------------------- open


def test_it_refuses_until_the_wait_is_over(machine: Machine):
    opened(machine)

    assert machine.ask()[0].verdict == "refused"
    machine.pass_time(8)
    assert machine.ask()[0].verdict == "refused"
    machine.pass_time(2.1)

    assert machine.ask()[0].verdict == "probe"
    assert machine.moves() == [("closed", "open"), ("open", "half_open")]


@pytest.mark.parametrize("outcome", [breakers.auth(), breakers.quota()])
def test_what_only_an_operator_can_mend_waits_for_ever(machine: Machine, outcome: Outcome):
    machine.begin()
    machine.call(outcome)

    machine.pass_time(30 * 86_400)

    assert machine.ask()[0].verdict == "refused"


def test_a_result_from_before_it_opened_changes_nothing(machine: Machine):
    machine.begin(failure_threshold=2, reset_timeout=10)
    early, token = machine.ask()
    machine.fail(2)

    late = machine.record(early.generation, early.verdict, token, SUCCESS)

    assert (late.verdict, late.state) == ("ignored", "open")


def test_a_longer_wait_that_was_asked_for_holds(machine: Machine):
    machine.begin(failure_threshold=2, reset_timeout=10)
    early = [machine.ask() for _ in range(3)]
    machine.call(breakers.rate_limited(5))

    longer, shorter, silent = (
        machine.record(answer.generation, answer.verdict, token, breakers.rate_limited(seconds))
        for (answer, token), seconds in zip(early, (60, 2, None), strict=True)
    )

    assert (longer.verdict, shorter.verdict, silent.verdict) == ("counted", "ignored", "ignored")
    assert silent.left == pytest.approx(60, abs=2)
    assert machine.moves() == [("closed", "open")]


def test_what_was_asked_for_long_ago_does_not_hold(machine: Machine):
    machine.begin(failure_threshold=2, reset_timeout=10, half_open_probes=2)
    early, token = machine.ask()
    machine.fail(2)
    machine.pass_time(10.1)
    machine.call(FAILURE)

    late = machine.record(early.generation, early.verdict, token, breakers.rate_limited(600))

    assert late.verdict == "ignored"
    assert waited(late) <= 20


def test_nothing_shortens_the_wait_for_an_operator(machine: Machine):
    machine.begin()
    early, token = machine.ask()
    machine.call(breakers.auth())

    machine.record(early.generation, early.verdict, token, breakers.rate_limited(60))

    assert machine.ask()[0].left is None


# ------------------------------------------------------------------------------------------ half-open


def test_it_admits_as_many_probes_as_are_permitted(machine: Machine):
    half_open(machine)

    verdicts = [machine.ask()[0].verdict for _ in range(5)]

    assert verdicts == ["probe", "probe", "refused", "refused", "refused"]


def test_probes_that_succeeded_count_as_permitted_ones(machine: Machine):
    half_open(machine)
    machine.succeed(1)

    assert [machine.ask()[0].verdict for _ in range(3)] == ["probe", "refused", "refused"]


def test_it_closes_when_all_its_probes_succeeded(machine: Machine):
    half_open(machine)

    machine.succeed(1)
    assert machine.state() == "half_open"
    machine.succeed(1)

    assert machine.state() == "closed"
    assert machine.moves() == [("closed", "open"), ("open", "half_open"), ("half_open", "closed")]
    machine.fail(1)
    assert machine.state() == "closed"


@pytest.mark.parametrize("outcome", [FAILURE, SLOW])
def test_it_opens_again_for_twice_as_long_up_to_the_cap(machine: Machine, outcome: Outcome):
    half_open(machine, max_wait_seconds=35)

    waits = []
    for _ in range(4):
        answer = machine.call(outcome)
        assert (answer.state, answer.kind) == ("open", "failures")
        waits.append(waited(answer))
        machine.pass_time(waited(answer) + 0.1)

    for wait, most in zip(waits, [20, 35, 35, 35], strict=True):
        assert most * 0.74 <= wait <= most


def test_after_it_closed_old_failures_count_no_more(machine: Machine):
    half_open(machine, min_calls=2, failure_rate=0.5, window_seconds=3600)
    machine.succeed(2)

    machine.fail(1)

    assert machine.state() == "closed"


def test_after_it_closed_waits_are_short_again(machine: Machine):
    half_open(machine)
    again = machine.call(FAILURE)
    machine.pass_time(waited(again) + 0.1)
    machine.succeed(2)

    machine.fail(2)

    assert machine.ask()[0].left == pytest.approx(10, abs=2)


@pytest.mark.parametrize(("asked", "least", "most"), [(3, 18, 20), (300, 298, 300)])
def test_a_probe_that_is_told_to_wait_waits_the_longer_of_both(
    machine: Machine, asked: float, least: float, most: float
):
    half_open(machine)

    answer = machine.call(breakers.rate_limited(asked))

    assert (answer.state, answer.kind) == ("open", "rate_limited")
    assert least <= waited(answer) <= most


@pytest.mark.parametrize("outcome", [breakers.auth(), breakers.quota()])
def test_a_probe_may_find_that_an_operator_is_needed(machine: Machine, outcome: Outcome):
    half_open(machine)

    answer = machine.call(outcome)

    assert (answer.state, answer.kind, answer.left) == ("open", outcome.kind, None)


def test_a_probe_that_tells_nothing_leaves_its_place(machine: Machine):
    half_open(machine)

    for _ in range(5):
        machine.call(NOT_COUNTED)

    assert machine.state() == "half_open"
    assert machine.ask()[0].verdict == "probe"


def test_a_probe_that_never_returns_blocks_for_its_lease_only(machine: Machine):
    half_open(machine, probe_lease_seconds=5)
    lost = [machine.ask(), machine.ask()]
    refused, _ = machine.ask()
    assert refused.verdict == "refused"
    assert waited(refused) == pytest.approx(5, abs=2)

    machine.pass_time(5.1)

    machine.succeed(2)
    assert machine.state() == "closed"
    answer, token = lost[0]
    assert machine.record(answer.generation, answer.verdict, token, FAILURE).verdict == "ignored"


def test_a_probe_that_returns_after_its_lease_changes_nothing(machine: Machine):
    half_open(machine, probe_lease_seconds=5)
    answer, token = machine.ask()

    machine.pass_time(5.1)
    late = machine.record(answer.generation, answer.verdict, token, FAILURE)

    assert (late.verdict, late.state) == ("ignored", "half_open")


def test_a_probe_counts_once(machine: Machine):
    half_open(machine)
    answer, token = machine.ask()

    verdicts = [machine.record(answer.generation, "probe", token, SUCCESS).verdict for _ in range(2)]

    assert verdicts == ["counted", "ignored"]
    assert machine.state() == "half_open"


def test_a_probe_of_an_earlier_round_changes_nothing(machine: Machine):
    half_open(machine)
    answer, token = machine.ask()
    again = machine.call(FAILURE)
    machine.pass_time(waited(again) + 0.1)
    machine.succeed(1)

    late = machine.record(answer.generation, "probe", token, FAILURE)

    assert (late.verdict, late.state) == ("ignored", "half_open")
