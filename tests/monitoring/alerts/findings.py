"""Causes of alerts, and what became of them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from monitoring.models import Alert, AlertMessage
from reliability.models import CircuitBreaker

MINUTE = timedelta(minutes=1)


def break_down(name: str = "openrouter") -> None:
    """A breaker opens, and has been open for ten minutes."""
    opened_at = timezone.now() - 10 * MINUTE
    CircuitBreaker.objects.update_or_create(
        name=name, defaults={"state": "open", "opened_at": opened_at, "cause": "it answered 503"}
    )


def recover(name: str = "openrouter") -> None:
    CircuitBreaker.objects.filter(pk=name).update(state="closed")


def alert(**columns: Any) -> Alert:
    return Alert.objects.get(**columns)


def live() -> list[tuple[str, str]]:
    """Rule and subject of every alert that is not resolved."""
    found = Alert.objects.exclude(state="resolved").order_by("rule", "subject")
    return list(found.values_list("rule_id", "subject"))


def messages(*columns: str) -> list[tuple[Any, ...]]:
    """Every message, oldest first; its kind and state unless other columns are named."""
    found = AlertMessage.objects.order_by("created_at", "id")
    return list(found.values_list(*(columns or ("kind", "state"))))


def let_interval_pass() -> None:
    """The last interval of every alert began two hours ago."""
    hours = 120 * MINUTE
    for pk, told_at in Alert.objects.exclude(told_at=None).values_list("pk", "told_at"):
        assert told_at is not None
        AlertMessage.objects.filter(alert=pk, told_at=told_at).update(told_at=told_at - hours)
        Alert.objects.filter(pk=pk).update(told_at=told_at - hours)


def let_wait_pass() -> None:
    """What waits for its next try has waited."""
    AlertMessage.objects.filter(state="waiting").update(next_try_at=timezone.now())
