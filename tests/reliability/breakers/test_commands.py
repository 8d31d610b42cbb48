"""`breaker_status` and `reset_breaker`."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from reliability import breakers
from reliability.breakers import gate, verbs
from reliability.breakers.rows import CircuitBreaker, CircuitBreakerEvent
from tests.governance import samples

pytestmark = pytest.mark.django_db(transaction=True)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_the_status_is_told_in_a_line_each(name: str, make: Callable[..., CircuitBreaker]):
    make()
    breakers.record(breakers.acquire(name), breakers.auth("who are you?"))
    verbs.force_open(name, actor=samples.SYSTEM, reason="looking into it")

    line = said("breaker_status", name)

    assert line == (
        f"{name}: open; the service refuses our credentials: who are you?; waits for an operator; "
        f"forced_open by {samples.SYSTEM.name}: looking into it; 0 of 0 recent calls failed"
    )


def test_the_status_is_json_on_request(name: str, make: Callable[..., CircuitBreaker]):
    make()
    breakers.acquire(name)

    assert json.loads(said("breaker_status", "--json"))[name]["state"] == "closed"


def test_a_breaker_is_reset_with_a_reason(name: str, make: Callable[..., CircuitBreaker]):
    make()
    breakers.record(breakers.acquire(name), breakers.auth())

    assert said("reset_breaker", name, "--reason", "new key") == "reset: 1"

    assert gate.acquire(name).verdict == "call"
    assert CircuitBreakerEvent.objects.get(breaker=name, kind="reset").cause == "new key"


def test_all_are_reset(make: Callable[..., CircuitBreaker]):
    make()

    assert said("reset_breaker", "--all") == f"reset: {CircuitBreaker.objects.count()}"


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["reset_breaker"], "say --all"),
        (["reset_breaker", "x", "--all"], "say --all"),
        (["reset_breaker", "nobody"], "known: "),
        (["breaker_status", "nobody"], "known: "),
    ],
)
def test_what_is_unclear_is_refused(arguments: list[str], refusal: str):
    with pytest.raises(CommandError, match=refusal):
        said(*arguments)
