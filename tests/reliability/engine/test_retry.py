"""When a failed attempt is repeated, and when it is not."""

from datetime import timedelta

import pytest

from reliability.engine import backoff
from reliability.engine.backoff import Again, GiveUp
from reliability.failures import PermanentFailure, TransientFailure


def delays(error_attempts, error=None, count=500):
    error = error or TransientFailure("busy")
    decisions = [
        backoff.decide(error, error_attempts=error_attempts, max_attempts=10_000) for _ in range(count)
    ]
    return [decision.delay_seconds for decision in decisions if isinstance(decision, Again)]


@pytest.mark.parametrize(
    ("failed_before", "longest"), [(0, 2), (1, 4), (2, 8), (8, 512), (9, 600), (30, 600), (5000, 600)]
)
def test_the_delay_is_anywhere_up_to_a_bound_that_doubles_to_ten_minutes(failed_before, longest):
    found = delays(failed_before)

    assert 0 <= min(found) < longest * 0.1
    assert longest * 0.9 < max(found) <= longest


def test_what_failed_together_does_not_return_together():
    assert len({round(delay, 3) for delay in delays(5)}) > 400


def test_it_is_never_sooner_than_the_service_asked():
    found = delays(0, TransientFailure("busy", retry_after=timedelta(seconds=1.5)))

    assert min(found) == 1.5
    assert max(found) > 1.5
    assert set(delays(0, TransientFailure("busy", retry_after=timedelta(hours=2)))) == {7200}


def test_a_service_that_asks_for_no_wait_is_given_the_usual_one():
    assert max(delays(3, TransientFailure("busy", retry_after=timedelta(0)))) > 5


@pytest.mark.parametrize("error", [ValueError(), OSError(), TransientFailure("busy"), TimeoutError()])
def test_whatever_is_not_permanent_is_tried_again_until_the_last_attempt(error):
    assert isinstance(backoff.decide(error, error_attempts=1, max_attempts=3), Again)
    assert backoff.decide(error, error_attempts=2, max_attempts=3) == GiveUp()
    assert backoff.decide(error, error_attempts=9, max_attempts=3) == GiveUp()


def test_a_permanent_failure_is_given_up_at_once():
    assert backoff.decide(PermanentFailure("no"), error_attempts=0, max_attempts=3) == GiveUp()
