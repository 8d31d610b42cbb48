"""Transitions become rows once, whoever delivers them and whenever."""

import logging
from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone

from reliability import breakers
from reliability.breakers import event_log, services, settings
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.breakers.redis_breaker import RedisBreakers
from tests.governance.races import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shared() -> Iterator[RedisBreakers]:
    made = RedisBreakers()
    yield made
    made.close()


@pytest.fixture
def undelivered(name: str, shared: RedisBreakers) -> str:
    """A breaker that a process opened and reopened before it died, without a row of it."""
    CircuitBreaker.objects.create(name=name, failure_threshold=1, reset_timeout=0.1, probe_lease_seconds=60)
    shared.configure(settings.load([name])[name])
    admitted = shared.acquire(name, "1")
    shared.record(name, admitted.generation, "call", "1", breakers.failure("gone"))
    return name


def rows(name: str) -> list[CircuitBreakerEvent]:
    return list(CircuitBreakerEvent.objects.filter(breaker=name).order_by("seq"))


def test_the_watchdog_delivers_what_a_dead_process_left(undelivered: str):
    assert rows(undelivered) == []

    assert services.maintain(timezone.now()) == 1

    [row] = rows(undelivered)
    assert (row.from_state, row.to_state, row.cause) == ("closed", "open", "1 failure: gone")
    assert CircuitBreaker.objects.get(pk=undelivered).state == "open"
    assert services.maintain(timezone.now()) == 0


def test_two_that_deliver_at_once_write_once(undelivered: str, shared: RedisBreakers):
    counts = race(*[lambda: event_log.deliver(shared, undelivered)] * 4)

    assert sum(counts) == 1
    assert len(rows(undelivered)) == 1


def test_what_was_written_but_not_forgotten_is_not_written_again(
    undelivered: str, shared: RedisBreakers, monkeypatch: pytest.MonkeyPatch
):
    now, events, _ = shared.events(undelivered)
    for event in events:
        assert event_log._write(undelivered, now, event)

    assert event_log.deliver(shared, undelivered) == 0

    assert len(rows(undelivered)) == 1
    assert shared.events(undelivered)[1] == []


def test_an_older_event_does_not_overwrite_a_younger_state(undelivered: str, shared: RedisBreakers):
    _, [event], _ = shared.events(undelivered)
    CircuitBreaker.objects.filter(pk=undelivered).update(generation=int(event["generation"]) + 1)

    event_log.deliver(shared, undelivered)

    assert CircuitBreaker.objects.get(pk=undelivered).state == "closed"
    assert len(rows(undelivered)) == 1


def test_an_open_breaker_is_an_error_in_the_log(
    undelivered: str, shared: RedisBreakers, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.INFO, logger="reliability.breakers.event_log"):
        event_log.deliver(shared, undelivered)

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", f"circuit breaker {undelivered}: closed -> open (1 failure: gone)")
    ]


def test_a_longer_wait_is_written_too(name: str, shared: RedisBreakers, make: Callable[..., CircuitBreaker]):
    make()
    shared.configure(settings.load([name])[name])
    first, second = shared.acquire(name, "1"), shared.acquire(name, "2")
    shared.record(name, first.generation, "call", "1", breakers.rate_limited(5))
    shared.record(name, second.generation, "call", "2", breakers.rate_limited(500))

    event_log.deliver(shared, name)

    assert [row.kind for row in rows(name)] == ["transition", "extended"]
    row = CircuitBreaker.objects.get(pk=name)
    assert row.retry_at
    assert row.opened_at
    assert 400 < (row.retry_at - row.opened_at).total_seconds() <= 501
