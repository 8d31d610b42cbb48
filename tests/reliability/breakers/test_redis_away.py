"""Redis down or frozen: each process decides for itself, from the last known state, and nobody waits."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from juggernaut.embedded.redis import Redis
from reliability import bounded_redis, breakers
from reliability.breakers import client as gates
from reliability.breakers import services
from reliability.breakers.client import BreakerClient
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerOpen
from tests.governance import samples
from tests.polling import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def own_redis(own_var: Path) -> Iterator[Redis]:
    server = Redis(own_var)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def silence() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that lets everybody in and never says a word: its URL, and who came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        came: list[socket.socket] = []

        def let_in() -> None:
            while True:
                try:
                    came.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=let_in, daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0", came
        server.shutdown(socket.SHUT_RDWR)
        for connection in came:
            connection.close()


def fail(gate: BreakerClient, name: str, times: int) -> None:
    for _ in range(times):
        gate.record(gate.acquire(name), breakers.FAILURE)


def refusal(gate: BreakerClient, name: str) -> BreakerOpen:
    with pytest.raises(BreakerOpen) as refused:
        gate.acquire(name)
    return refused.value


def test_a_process_alone_still_counts_and_opens(name: str, own_gate: Callable[..., BreakerClient]):
    gate = own_gate(NOBODY)

    permit = gate.acquire(name)
    fail(gate, name, 5)

    assert permit.is_local
    assert refusal(gate, name).cause == "5 failures in a row"
    event = until(CircuitBreakerEvent.objects.filter(breaker=name, kind="transition").first)
    assert (event.to_state, event.seq) == ("open", None)
    assert event.actor.endswith(f":{os.getpid()}")
    assert CircuitBreaker.objects.get(pk=name).state == "closed"


def test_it_begins_from_the_last_known_state(name: str, own_gate: Callable[..., BreakerClient]):
    CircuitBreaker.objects.create(
        name=name, state="open", cause="known before", opened_at=Now(), retry_at=Now() + timedelta(seconds=50)
    )

    refused = refusal(own_gate(NOBODY), name)

    assert refused.cause == "known before"
    assert 40 < (refused.left_seconds or 0) <= 50


def test_nobody_is_admitted_when_nothing_is_known(
    name: str, own_gate: Callable[..., BreakerClient], monkeypatch: pytest.MonkeyPatch
):
    gate = own_gate(NOBODY)
    monkeypatch.setattr(gate.registry, "current", lambda _: None)

    assert refusal(gate, name).kind == "unknown"


def test_an_open_breaker_stays_open_when_redis_dies_and_when_it_returns_empty(
    name: str, own_redis: Redis, own_gate: Callable[..., BreakerClient]
):
    gate = own_gate(own_redis.url)
    fail(gate, name, 5)
    until(lambda: CircuitBreaker.objects.get(pk=name).state == "open")

    own_redis.kill()
    refused = [refusal(gate, name) for _ in range(3)]
    own_redis.start()

    assert {one.cause for one in refused} == {"5 failures in a row"}

    def is_back() -> bool:
        refusal(gate, name)
        return gate._locals == {}

    until(is_back)


def test_a_permit_of_redis_counts_in_the_process_when_redis_dies(
    name: str, own_redis: Redis, own_gate: Callable[..., BreakerClient]
):
    gate = own_gate(own_redis.url)
    CircuitBreaker.objects.create(name=name, failure_threshold=1)
    permit = gate.acquire(name)

    own_redis.kill()
    gate.record(permit, breakers.FAILURE)

    assert refusal(gate, name).cause == "1 failure"


def test_what_a_process_learnt_alone_does_not_outlive_the_outage(
    name: str, own_redis: Redis, own_gate: Callable[..., BreakerClient]
):
    gate = own_gate(own_redis.url)
    gate.acquire(name)
    own_redis.kill()
    fail(gate, name, 5)
    own_redis.start()

    def admits() -> bool:
        try:
            return not gate.acquire(name).is_local
        except BreakerOpen:
            return False

    until(admits)


def test_a_frozen_redis_is_asked_once_in_a_while_only(
    name: str,
    silence: tuple[str, list[socket.socket]],
    own_gate: Callable[..., BreakerClient],
    monkeypatch: pytest.MonkeyPatch,
):
    url, came = silence
    monkeypatch.setattr(bounded_redis, "AWAY_SECONDS", 3600.0)
    gate = own_gate(url)

    permits = [gate.acquire(name) for _ in range(500)]

    assert all(permit.is_local for permit in permits)
    # Who asks waits for at most this long, and the reading of the settings may ask at the same time.
    assert bounded_redis.CONNECT_SECONDS + bounded_redis.ANSWER_SECONDS < 0.1
    assert len(came) <= 2


def test_calls_go_on_while_redis_is_frozen(
    name: str, own_redis: Redis, own_gate: Callable[..., BreakerClient]
):
    gate = own_gate(own_redis.url)
    assert not gate.acquire(name).is_local

    assert own_redis.pid
    os.kill(own_redis.pid, signal.SIGSTOP)
    frozen = gate.acquire(name)
    os.kill(own_redis.pid, signal.SIGCONT)

    assert frozen.is_local
    until(lambda: not gate.acquire(name).is_local)


def test_a_reset_reaches_processes_that_are_alone(
    name: str, own_gate: Callable[..., BreakerClient], settings: Any
):
    settings.REDIS_URL = NOBODY
    gate = own_gate(NOBODY)
    fail(gate, name, 5)
    refusal(gate, name)

    services.reset(name, actor=samples.SYSTEM)

    def admits() -> bool:
        try:
            return gate.acquire(name).is_local
        except BreakerOpen:
            return False

    until(admits)
    assert gates.of_process().shared is not gate.shared


def test_a_process_that_heard_of_no_reset_begins_from_it(
    name: str, own_redis: Redis, own_gate: Callable[..., BreakerClient], settings: Any
):
    settings.REDIS_URL = NOBODY
    gate = own_gate(own_redis.url)
    gate.record(gate.acquire(name), breakers.auth())
    until(lambda: CircuitBreaker.objects.get(pk=name).state == "open")
    own_redis.kill()

    services.reset(name, actor=samples.SYSTEM)
    gate.registry._read_at = 0.0

    assert gate.acquire(name).is_local


def test_a_mode_that_was_set_while_redis_was_away_is_brought_when_it_returns(
    name: str, own_redis: Redis, own_gate: Callable[..., BreakerClient]
):
    gate = own_gate(own_redis.url)
    gate.acquire(name)
    own_redis.kill()
    CircuitBreaker.objects.filter(pk=name).update(mode="forced_open")
    own_redis.start()

    def refuses() -> bool:
        try:
            gate.acquire(name)
        except BreakerOpen as refused:
            return refused.cause == "forced open by an operator" and not gate._locals
        return False

    until(refuses)
