"""Permits as the callers get them: shared by all gates, written down, refused in words."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection
from django.db.models.functions import Now

from reliability import breakers
from reliability.breakers.client import BreakerClient
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerOpen
from tests.polling import until

pytestmark = pytest.mark.django_db(transaction=True)


def fail(gate: BreakerClient, name: str, times: int) -> None:
    for _ in range(times):
        gate.record(gate.acquire(name), breakers.FAILURE)


def refusal(gate: BreakerClient, name: str) -> BreakerOpen:
    with pytest.raises(BreakerOpen) as refused:
        gate.acquire(name)
    return refused.value


def state(name: str) -> str:
    return CircuitBreaker.objects.get(pk=name).state


def transitions(name: str) -> list[tuple[str, str, str]]:
    rows = CircuitBreakerEvent.objects.filter(breaker=name, kind="transition").order_by("seq")
    return list(rows.values_list("from_state", "to_state", "cause"))


def test_what_one_process_learns_every_process_knows(name: str, own_gate: Callable[..., BreakerClient]):
    one, other = own_gate(), own_gate()
    other.acquire(name)

    fail(one, name, 3)
    fail(other, name, 2)

    for gate in (one, other):
        refused = refusal(gate, name)
        assert (refused.name, refused.kind) == (name, "failures")


def test_a_refusal_says_who_why_and_until_when(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate()
    gate.record(gate.acquire(name), breakers.rate_limited(40, said="slow down"))

    refused = refusal(gate, name)

    assert refused.retry_at is not None
    until_when = f"{refused.retry_at:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert str(refused) == (
        f"circuit breaker {name} refuses calls (rate limit exceeded: slow down); not before {until_when}"
    )
    assert 30 < (refused.left_seconds or 0) <= 40


def test_a_refusal_that_only_an_operator_ends_says_so(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate()
    gate.record(gate.acquire(name), breakers.auth())

    refused = refusal(gate, name)

    assert (refused.left_seconds, refused.retry_at) == (None, None)
    assert str(refused).endswith("not before an operator acts")


def test_a_new_name_gets_a_breaker_that_takes_after_its_service(
    name: str, own_gate: Callable[..., BreakerClient]
):
    CircuitBreaker.objects.create(name=name, failure_threshold=2)

    own_gate().acquire(f"{name}:model")

    assert CircuitBreaker.objects.get(pk=f"{name}:model").failure_threshold == 2


def test_transitions_become_rows_and_the_last_known_state(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate()

    fail(gate, name, 5)

    until(lambda: transitions(name))
    assert transitions(name) == [("closed", "open", "5 failures in a row")]
    row = CircuitBreaker.objects.get(pk=name)
    assert (row.state, row.cause, row.kind) == ("open", "5 failures in a row", "failures")
    assert row.retry_at
    assert row.opened_at
    assert row.retry_at - row.opened_at == pytest.approx(timedelta(seconds=30), abs=timedelta(seconds=1))


def test_settings_typed_into_psql_bind_within_a_second(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate()
    fail(gate, name, 2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE circuit_breakers SET failure_threshold = 3 WHERE name = %s", [name])

    def binds() -> bool:
        gate.acquire(name)
        return gate.shared._client.hget(f"breaker:{{{name}}}", "failure_threshold") == b"3"

    until(binds)
    fail(gate, name, 1)

    assert refusal(gate, name).cause == "3 failures in a row"


def test_an_open_breaker_stays_open_when_redis_is_flushed(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate()
    early = gate.acquire(name)
    fail(gate, name, 5)
    until(lambda: state(name) == "open")

    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        client.delete(f"breaker:{{{name}}}", f"breaker:{{{name}}}:window")
    refused = refusal(gate, name)
    gate.record(early, breakers.SUCCESS)

    assert refused.cause == "5 failures in a row"
    assert 20 < (refused.left_seconds or 0) <= 30
    assert refusal(gate, name).cause == "5 failures in a row"


def test_results_from_before_a_flush_are_of_an_old_generation(
    name: str, own_gate: Callable[..., BreakerClient]
):
    gate = own_gate()
    CircuitBreaker.objects.create(name=name, failure_threshold=1)
    early = gate.acquire(name)

    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        client.delete(f"breaker:{{{name}}}")
    gate.acquire(name)
    gate.record(early, breakers.FAILURE)

    assert gate.acquire(name).verdict == "call"


def test_it_may_be_asked_on_an_event_loop(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate()

    async def call() -> None:
        gate.record(gate.acquire(name), breakers.auth())

    asyncio.run(call())

    assert refusal(gate, name).kind == "auth"
    until(lambda: state(name) == "open")


def test_shadow_says_what_it_would_have_refused(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate()
    CircuitBreaker.objects.create(name=name, mode="shadow")
    assert not gate.acquire(name).would_refuse
    gate.record(gate.acquire(name), breakers.auth())

    assert gate.acquire(name).would_refuse


def test_clocks_of_other_hosts_do_not_count(
    name: str, own_gate: Callable[..., BreakerClient], monkeypatch: pytest.MonkeyPatch
):
    gate, elsewhere = own_gate(), own_gate()
    fail(gate, name, 5)

    for clock in ("time", "time_ns"):
        ahead = getattr(__import__("time"), clock)() * 2
        monkeypatch.setattr(f"time.{clock}", lambda ahead=ahead: ahead)
    refused = refusal(elsewhere, name)

    assert 20 < (refused.left_seconds or 0) <= 30


def test_a_row_with_a_retry_time_of_a_wrong_clock_is_measured_by_postgresql(
    name: str, own_gate: Callable[..., BreakerClient]
):
    CircuitBreaker.objects.create(
        name=name, state="open", cause="known before", opened_at=Now(), retry_at=Now() + timedelta(seconds=50)
    )

    refused = refusal(own_gate(), name)

    assert refused.cause == "known before"
    assert 40 < (refused.left_seconds or 0) <= 50
