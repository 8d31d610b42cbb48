"""What operators do: it binds everywhere at the next call, and history says who did what, and why."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from governance.access import actors
from governance.errors import Forbidden, InvalidInput
from reliability import breakers
from reliability.breakers import client as gates
from reliability.breakers import services, status
from reliability.breakers.client import BreakerClient
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerNotFound, BreakerOpen
from tests.governance import samples
from tests.governance.conftest import nobody  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = samples.SYSTEM


@pytest.fixture
def elsewhere(
    own_gate: Callable[..., BreakerClient], name: str, make: Callable[..., CircuitBreaker]
) -> BreakerClient:
    """Another process, which uses the breaker already."""
    make(failure_threshold=3)
    gate = own_gate()
    gate.acquire(name)
    return gate


def fail(gate: BreakerClient, name: str, times: int) -> None:
    for _ in range(times):
        gate.record(gate.acquire(name), breakers.FAILURE)


def refused(gate: BreakerClient, name: str) -> BreakerOpen:
    with pytest.raises(BreakerOpen) as error:
        gate.acquire(name)
    return error.value


def changes(name: str) -> list[Any]:
    rows = CircuitBreakerEvent.objects.filter(breaker=name).exclude(kind="transition")
    return list(rows.order_by("id"))


def test_a_reset_closes_it_in_every_process(elsewhere: BreakerClient, name: str):
    fail(elsewhere, name, 3)
    refused(elsewhere, name)

    services.reset(name, actor=SYSTEM, reason="the service is back")

    fail(elsewhere, name, 2)
    assert elsewhere.acquire(name).verdict == "call"
    [event] = changes(name)
    assert (event.kind, event.actor, event.cause) == ("reset", SYSTEM.name, "the service is back")
    closing = CircuitBreakerEvent.objects.get(breaker=name, kind="transition", to_state="closed")
    assert (closing.from_state, closing.cause) == ("open", "reset by an operator")
    assert CircuitBreaker.objects.get(pk=name).state == "closed"


def test_a_reset_forgets_what_a_closed_one_counted(elsewhere: BreakerClient, name: str):
    fail(elsewhere, name, 2)

    services.reset(name, actor=SYSTEM)

    fail(elsewhere, name, 2)
    assert elsewhere.acquire(name).verdict == "call"


def test_a_reset_ends_the_wait_for_an_operator(elsewhere: BreakerClient, name: str):
    elsewhere.record(elsewhere.acquire(name), breakers.auth())

    services.reset(name, actor=SYSTEM)

    assert elsewhere.acquire(name).verdict == "call"


def test_all_are_reset_and_counted(elsewhere: BreakerClient, name: str):
    fail(elsewhere, name, 3)
    CircuitBreaker.objects.create(name=f"{name}:other")

    assert services.reset_all(actor=SYSTEM) == CircuitBreaker.objects.count() >= 2
    assert elsewhere.acquire(name).verdict == "call"


def test_settings_are_live_at_the_next_call_with_counters_kept(elsewhere: BreakerClient, name: str):
    fail(elsewhere, name, 2)

    services.update_settings(
        name, actor=SYSTEM, reason="more patience", failure_threshold=4, reset_timeout=60
    )

    fail(elsewhere, name, 2)
    error = refused(elsewhere, name)
    assert error.cause == "4 failures in a row"
    assert 50 < (error.left_seconds or 0) <= 60
    [event] = changes(name)
    assert (event.kind, event.actor, event.cause) == ("settings", SYSTEM.name, "more patience")
    assert event.before == {"failure_threshold": 3, "reset_timeout": 30}
    assert event.after == {"failure_threshold": 4, "reset_timeout": 60}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"failure_threshold": 0}, "failure_threshold"),
        ({"failure_threshold": 2.5}, "failure_threshold"),
        ({"failure_threshold": True}, "failure_threshold"),
        ({"failure_threshold": None}, "failure_threshold"),
        ({"reset_timeout": -1}, "reset_timeout"),
        ({"reset_timeout": float("nan")}, "reset_timeout"),
        ({"reset_timeout": 601}, "reset_timeout"),
        ({"max_wait_seconds": 1}, "reset_timeout"),
        ({"failure_rate": 1.5}, "failure_rate"),
        ({"half_open_probes": 0}, "half_open_probes"),
        ({"colour": "red"}, "colour"),
        ({}, "settings"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(
    name: str, make: Callable[..., CircuitBreaker], said: dict[str, Any], field: str
):
    row = make()

    with pytest.raises(InvalidInput) as refusal:
        services.update_settings(name, actor=SYSTEM, **said)

    assert {error.field for error in refusal.value.errors} == {field}
    assert CircuitBreaker.objects.get(pk=name).version == row.version
    assert changes(name) == []


def test_forced_open_refuses_everywhere_until_it_is_restored(elsewhere: BreakerClient, name: str):
    services.force_open(name, actor=SYSTEM, reason="they are moving house")
    error = refused(elsewhere, name)
    services.restore(name, actor=SYSTEM, reason="moved")

    assert (error.cause, error.left_seconds) == ("forced open by an operator", None)
    assert elsewhere.acquire(name).verdict == "call"
    forced, restored = changes(name)
    assert (forced.after["mode"], forced.after["mode_by"]) == ("forced_open", SYSTEM.name)
    assert (restored.after["mode"], restored.cause) == ("normal", "moved")


def test_disabled_admits_everywhere(elsewhere: BreakerClient, name: str):
    fail(elsewhere, name, 3)

    services.disable_until(name, timezone.now() + timedelta(hours=1), actor=SYSTEM, reason="false alarm")

    assert elsewhere.acquire(name).verdict == "free"


def test_shadow_refuses_nothing(elsewhere: BreakerClient, name: str):
    services.shadow(name, actor=SYSTEM, reason="trying it out")

    fail(elsewhere, name, 3)

    assert elsewhere.acquire(name).would_refuse


def test_a_mode_that_is_over_is_over_in_the_row_too(elsewhere: BreakerClient, name: str):
    CircuitBreaker.objects.filter(pk=name).update(
        mode="forced_open", mode_by="somebody", mode_until=Now() - timedelta(seconds=1)
    )

    assert services.end_modes() == 1

    row = CircuitBreaker.objects.get(pk=name)
    assert (row.mode, row.mode_by, row.mode_until) == ("normal", "", None)
    assert changes(name)[-1].actor == "WATCHDOG"
    assert services.end_modes() == 0


@pytest.mark.parametrize("until", [None, timedelta(0)])
def test_a_mode_needs_a_reason_and_a_time_to_come(
    name: str, make: Callable[..., CircuitBreaker], until: timedelta | None
):
    make()
    said = {"reason": " "} if until is None else {"reason": "why", "until": timezone.now() + until}

    with pytest.raises(InvalidInput):
        services.force_open(name, actor=SYSTEM, **said)


def test_an_unknown_name_is_told_the_known_ones(name: str, make: Callable[..., CircuitBreaker]):
    make()

    with pytest.raises(BreakerNotFound, match=f"'opnrouter'; known: .*{name}"):
        services.reset("opnrouter", actor=SYSTEM)


def test_nobody_changes_breakers_without_the_permission(
    name: str,
    make: Callable[..., CircuitBreaker],
    nobody: Any,  # noqa: F811
):
    make()
    actor = actors.Actor("user:nobody")
    until = timezone.now() + timedelta(hours=1)

    for verb in (
        lambda: services.reset(name, actor=actor),
        lambda: services.reset_all(actor=actor),
        lambda: services.update_settings(name, actor=actor, failure_threshold=1),
        lambda: services.force_open(name, actor=actor, reason="why"),
        lambda: services.disable_until(name, until, actor=actor, reason="why"),
        lambda: services.shadow(name, actor=actor, reason="why"),
        lambda: services.restore(name, actor=actor, reason="why"),
    ):
        with pytest.raises(Forbidden, match="change_circuitbreaker"):
            verb()
    assert changes(name) == []


def test_changes_typed_into_psql_are_kept_with_the_user(name: str, make: Callable[..., CircuitBreaker]):
    make()

    with connection.cursor() as cursor:
        cursor.execute("UPDATE circuit_breakers SET failure_threshold = 9 WHERE name = %s", [name])
        cursor.execute("SELECT 'sql:' || current_user")
        [(who,)] = cursor.fetchall()

    [event] = changes(name)
    assert (event.actor, event.before, event.after) == (
        who,
        {"failure_threshold": 5},
        {"failure_threshold": 9},
    )


@pytest.mark.parametrize(
    "change",
    ["failure_threshold = 0", "reset_timeout = 700", "mode = 'disabled'", "mode = 'off'", "state = 'ajar'"],
)
def test_the_database_refuses_what_cannot_be(name: str, make: Callable[..., CircuitBreaker], change: str):
    make()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE circuit_breakers SET {change} WHERE name = %s", [name])


def test_the_status_is_the_same_from_everywhere(elsewhere: BreakerClient, name: str):
    elsewhere.record(elsewhere.acquire(name), breakers.SUCCESS)
    fail(elsewhere, name, 3)

    standing = status.of_all()[name]

    assert standing["state"] == "open"
    assert (standing["failure_count"], standing["calls"], standing["failures"]) == (3, 4, 3)
    assert standing["failure_rate"] == 0.75
    assert standing["next_probe_at"] - standing["opened_at"] == timedelta(seconds=30)
    assert standing["settings"]["failure_threshold"] == 3
    assert (standing["mode"], standing["source"]) == ("normal", "redis")


def test_without_redis_the_status_is_the_last_known(elsewhere: BreakerClient, name: str, settings: Any):
    fail(elsewhere, name, 3)
    services.maintain(timezone.now())
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    gates.close()

    standing = status.of_all()[name]

    assert (standing["state"], standing["source"], standing["calls"]) == ("open", "last known", None)
    assert standing["next_probe_at"]
