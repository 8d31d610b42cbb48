"""Changes of breakers stand in the audit log, through whichever interface they came; what breakers do does
not."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from governance.access.actors import Actor
from governance.models import AuditEntry
from reliability.breakers import services
from reliability.breakers.models import CircuitBreaker

pytestmark = pytest.mark.django_db
ANN = Actor("user:ann", is_trusted=True)


@pytest.fixture(autouse=True)
def breaker():
    CircuitBreaker.objects.get_or_create(name="openrouter")


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def told():
    return [(e.actor, e.action, e.target, e.reason) for e in AuditEntry.objects.order_by("id")]


def test_settings_changed_by_the_service_are_told_once_with_who_why_and_both_values():
    services.update_settings("openrouter", actor=ANN, reason="too nervous", failure_threshold=10)

    assert told() == [("user:ann", "breaker.update_settings", "breaker openrouter", "too nervous")]
    entry = AuditEntry.objects.get()
    assert AuditEntry.objects.filter(before__failure_threshold=5, after__failure_threshold=10).get() == entry


def test_settings_changed_in_sql_are_told_too():
    sql("UPDATE circuit_breakers SET failure_threshold = 10 WHERE name = 'openrouter'")

    [(actor, action, target, _)] = told()
    assert actor.startswith("sql:")
    assert (action, target) == ("breaker.update", "breaker openrouter")


def test_a_reset_is_told():
    services.reset("openrouter", actor=ANN, reason="they are back")

    assert told() == [("user:ann", "breaker.reset", "breaker openrouter", "they are back")]


def test_a_mode_is_told_by_its_verb_and_its_end_is_the_watchdog_s():
    until = timezone.now() + timedelta(hours=1)
    services.force_open("openrouter", actor=ANN, reason="they are down")
    services.disable_until("openrouter", until, actor=ANN, reason="it is wrong")
    sql("UPDATE circuit_breakers SET mode_until = now() - interval '1 s'")

    services.end_modes()

    assert [entry for entry in told() if not entry[0].startswith("sql:")] == [
        ("user:ann", "breaker.force_open", "breaker openrouter", "they are down"),
        ("user:ann", "breaker.disable_until", "breaker openrouter", "it is wrong"),
        ("WATCHDOG", "breaker.end_mode", "breaker openrouter", "its end has come"),
    ]


def test_a_verb_does_not_lend_its_name_to_what_is_typed_afterwards():
    with transaction.atomic():
        services.reset("openrouter", actor=ANN, reason="they are back")
        sql("UPDATE circuit_breakers SET failure_threshold = 9 WHERE name = 'openrouter'")

    assert [(actor.split(":")[0], action) for actor, action, _, _ in told()] == [
        ("user", "breaker.reset"),
        ("sql", "breaker.update"),
    ]


def test_what_the_breaker_does_by_itself_is_not():
    sql("UPDATE circuit_breakers SET state = 'open', generation = 7 WHERE name = 'openrouter'")
    CircuitBreaker.objects.create(name="openrouter:a-model")

    assert told() == []
