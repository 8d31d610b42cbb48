"""PostgreSQL down: what Redis knows goes on, what nobody knows is refused, and nothing is lost."""

from collections.abc import Callable

import pytest
from django.db import OperationalError

from reliability import breakers
from reliability.breakers import event_log, settings
from reliability.breakers.client import BreakerClient
from reliability.breakers.models import CircuitBreakerEvent
from reliability.errors import BreakerOpen
from tests.polling import until

pytestmark = pytest.mark.django_db(transaction=True)


class Outage:
    """PostgreSQL as the breakers of this process see it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def begin(self) -> None:
        def fail(*_: object) -> None:
            raise OperationalError("could not connect to server")

        self._patch.setattr(settings, "load", fail)
        self._patch.setattr(event_log, "_write", fail)

    def end(self) -> None:
        self._patch.undo()


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    return Outage(monkeypatch)


def test_a_breaker_that_redis_knows_goes_on(
    name: str, own_gate: Callable[..., BreakerClient], outage: Outage
):
    own_gate().acquire(name)
    outage.begin()
    gate = own_gate()

    for _ in range(5):
        permit = gate.acquire(name)
        assert not permit.is_local
        gate.record(permit, breakers.FAILURE)

    with pytest.raises(BreakerOpen, match="5 failures in a row"):
        gate.acquire(name)


def test_what_happened_is_written_when_it_is_back(
    name: str, own_gate: Callable[..., BreakerClient], outage: Outage
):
    gate = own_gate()
    gate.acquire(name)
    outage.begin()
    gate.record(gate.acquire(name), breakers.auth())
    until(lambda: not gate.registry._delivering)

    outage.end()

    def is_written() -> bool:
        with pytest.raises(BreakerOpen):
            gate.acquire(name)
        return CircuitBreakerEvent.objects.filter(breaker=name, kind="transition").count() == 1

    until(is_written)


def test_a_breaker_that_nobody_knows_refuses(
    name: str, own_gate: Callable[..., BreakerClient], outage: Outage
):
    outage.begin()

    with pytest.raises(BreakerOpen) as refused:
        own_gate().acquire(name)

    assert refused.value.kind == "unknown"
