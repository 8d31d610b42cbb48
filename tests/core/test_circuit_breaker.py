"""`core.circuit_breaker` as the runbook uses it: real fresh processes, on the test's servers."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from core import circuit_breaker
from governance.access import actors
from governance.errors import InvalidInput
from reliability import breakers
from reliability.breakers import client as gate
from reliability.breakers.client import BreakerClient
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerNotFound, BreakerOpen
from tests.core import snippets
from tests.core.snippets import Ended

pytestmark = pytest.mark.django_db(transaction=True)

STATUS = """
# In a Python console
from core.circuit_breaker import get_circuit_breaker_status
import asyncio

asyncio.run(get_circuit_breaker_status())
"""
RESET_ALL = """
# In a Python console
from core.circuit_breaker import reset_all_circuit_breakers
reset_all_circuit_breakers()
"""
RESET = """
# In a Python console
from core.circuit_breaker import reset_circuit_breaker
import asyncio

asyncio.run(reset_circuit_breaker('openrouter'))
"""
UPDATE = """
# Update circuit breaker settings to be more tolerant
from core.circuit_breaker import update_circuit_breaker_settings
import asyncio

asyncio.run(update_circuit_breaker_settings(
    'openrouter',
    failure_threshold=10,  # More failures before opening
    reset_timeout=60       # Shorter timeout before trying again
))
"""


@pytest.fixture(autouse=True)
def _world(transactional_db: None) -> Iterator[None]:
    """The breaker of a fresh installation, closed; afterwards, nobody holds the test's database open."""
    gate.close()
    CircuitBreaker.objects.get_or_create(name="openrouter")
    circuit_breaker.reset_all_circuit_breakers()
    CircuitBreakerEvent.objects.all().delete()
    yield
    gate.close()
    circuit_breaker._database.submit(lambda: connection.close()).result()


@pytest.fixture
def worker() -> Iterator[BreakerClient]:
    """Another process that has used the breaker, which is open now."""
    made = BreakerClient()
    try:
        for _ in range(5):
            made.record(made.acquire("openrouter"), breakers.FAILURE)
        with pytest.raises(BreakerOpen):
            made.acquire("openrouter")
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("code", [RESET_ALL, RESET])
def test_a_reset_binds_at_the_next_call_of_every_process(worker: BreakerClient, code: str):
    ended = snippets.run(code)

    assert ended == Ended(0, "", "")
    assert worker.acquire("openrouter").verdict == "call"
    event = CircuitBreakerEvent.objects.get(breaker="openrouter", kind="reset")
    assert event.actor == actors.from_login().name


def test_all_of_them_are_reset_and_counted(worker: BreakerClient):
    CircuitBreaker.objects.create(name="another")

    ended = snippets.run(
        RESET_ALL.replace("reset_all_circuit_breakers()", "print(reset_all_circuit_breakers())")
    )

    assert ended == Ended(0, "2", "")


def test_one_reset_leaves_the_others(worker: BreakerClient):
    worker.record(worker.acquire("another"), breakers.auth())

    snippets.run(RESET)

    with pytest.raises(BreakerOpen):
        worker.acquire("another")
    circuit_breaker.reset_all_circuit_breakers()


def test_the_status_is_a_dict_by_name_the_same_from_every_process(worker: BreakerClient):
    assert snippets.run(STATUS) == Ended(0, "", "")
    printed = STATUS.replace("asyncio.run(", "print(asyncio.run(").rstrip() + ")"

    first, second = snippets.run(printed), snippets.run(printed)

    assert first == second
    standing = asyncio.run(circuit_breaker.get_circuit_breaker_status())["openrouter"]
    assert f"'failure_count': {standing['failure_count']}" in first.out
    assert (standing["state"], standing["failure_count"], standing["failure_rate"]) == ("open", 5, 1.0)
    assert standing["opened_at"] < standing["next_probe_at"]
    assert standing["settings"]["failure_threshold"] == 5


def test_settings_bind_at_the_next_call_with_counters_kept_and_are_audited():
    gate_ = gate.of_process()
    for _ in range(4):
        gate_.record(gate_.acquire("openrouter"), breakers.FAILURE)

    ended = snippets.run(UPDATE)

    assert ended == Ended(0, "", "")
    for _ in range(6):
        gate_.record(gate_.acquire("openrouter"), breakers.FAILURE)
    with pytest.raises(BreakerOpen, match="10 failures in a row") as refused:
        gate_.acquire("openrouter")
    assert 50 < (refused.value.left_seconds or 0) <= 60
    event = CircuitBreakerEvent.objects.get(breaker="openrouter", kind="settings")
    assert (event.before, event.after) == (
        {"failure_threshold": 5, "reset_timeout": 30},
        {"failure_threshold": 10, "reset_timeout": 60},
    )


def test_an_unknown_name_is_one_line_that_lists_the_known_ones():
    ended = snippets.run(RESET.replace("openrouter", "opnrouter"))

    assert ended == Ended(1, "", "no circuit breaker has the name 'opnrouter'; known: openrouter")


def test_an_impossible_value_is_one_line_with_the_reason():
    ended = snippets.run(UPDATE.replace("=10", "=0"))

    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("failure_threshold: ")
    assert "\n" not in ended.err


@pytest.mark.parametrize("code", [RESET_ALL, RESET, UPDATE])
def test_a_database_that_is_away_is_said_in_one_line(code: str):
    ended = snippets.run(code, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert ended.status == 1
    assert ended.err.startswith("database connection failed: ")
    assert "\n" not in ended.err


def test_without_redis_the_status_is_the_last_known():
    ended = snippets.run(
        STATUS.replace("asyncio.run(", "print(asyncio.run(").rstrip() + ")", REDIS_URL="redis://127.0.0.1:1/0"
    )

    assert ended.status == 0
    assert "'source': 'last known'" in ended.out


def test_refusals_can_be_caught():
    with pytest.raises(BreakerNotFound):
        asyncio.run(circuit_breaker.reset_circuit_breaker("nobody"))
    with pytest.raises(InvalidInput):
        asyncio.run(circuit_breaker.update_circuit_breaker_settings("openrouter", reset_timeout="soon"))


def test_the_plain_function_works_inside_a_loop(worker: BreakerClient):
    async def reset() -> int:
        return circuit_breaker.reset_all_circuit_breakers()

    assert asyncio.run(reset()) == CircuitBreaker.objects.count()


def test_settings_are_returned():
    update: Callable = circuit_breaker.update_circuit_breaker_settings

    assert asyncio.run(update("openrouter", half_open_probes=1))["half_open_probes"] == 1
