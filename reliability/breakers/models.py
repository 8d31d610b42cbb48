"""The rows of the breakers: settings and last known state, and what ever happened to them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from governance.models.json_field import JsonField


class Mode(models.TextChoices):
    """Whether the breaker decides (normal), an operator did (forced_open, disabled), or it only watches."""

    NORMAL = "normal"
    FORCED_OPEN = "forced_open", "forced open"
    DISABLED = "disabled"
    SHADOW = "shadow"


class State(models.TextChoices):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open", "half open"


class CircuitBreaker(models.Model):
    """A breaker (`circuit_breakers`): settings, which bind at once, and its last known state.

    The state itself lives in Redis; `reliability.breakers.event_log` copies it here after each transition,
    for processes that cannot reach Redis and for a Redis that has lost it. `retry_at` null means until an
    operator acts. `reset_version` is the version that last reset it: whoever holds another one closes it.
    Spans are seconds. The database raises `version` whenever a setting, the mode or `reset_version` changes,
    and writes the change to `circuit_breaker_events`, whoever made it.
    """

    name = models.CharField(max_length=200, primary_key=True)
    failure_threshold = models.IntegerField(db_default=5)
    reset_timeout = models.FloatField(db_default=30)
    window_seconds = models.FloatField(db_default=60)
    min_calls = models.IntegerField(db_default=20)
    failure_rate = models.FloatField(db_default=0.5)
    half_open_probes = models.IntegerField(db_default=3)
    probe_lease_seconds = models.FloatField(db_default=60)
    max_wait_seconds = models.FloatField(db_default=600)
    mode = models.CharField(max_length=20, choices=Mode, db_default=Mode.NORMAL)
    mode_by = models.CharField(max_length=150, db_default="", blank=True)
    mode_reason = models.TextField(db_default="", blank=True)
    mode_until = models.DateTimeField(null=True, blank=True)
    reset_version = models.BigIntegerField(db_default=0)
    state = models.CharField(max_length=20, choices=State, db_default=State.CLOSED)
    kind = models.CharField(max_length=20, db_default="", blank=True)
    cause = models.TextField(db_default="", blank=True)
    generation = models.BigIntegerField(db_default=0)
    wait_seconds = models.FloatField(db_default=0)
    opened_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    version = models.BigIntegerField(db_default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "circuit_breakers"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="breaker_mode_known",
                condition=Q(mode__in=["normal", "forced_open", "disabled", "shadow"]),
            ),
            models.CheckConstraint(
                name="breaker_state_known", condition=Q(state__in=["closed", "open", "half_open"])
            ),
            # What `reliability.breakers.settings` checks with words, for those who type SQL.
            models.CheckConstraint(
                name="breaker_counts",
                condition=Q(failure_threshold__range=(1, 10_000), min_calls__range=(1, 100_000))
                & Q(half_open_probes__range=(1, 100), failure_rate__gt=0, failure_rate__lte=1),
            ),
            models.CheckConstraint(
                name="breaker_spans",
                condition=Q(reset_timeout__gte=0.1, reset_timeout__lte=F("max_wait_seconds"))
                & Q(max_wait_seconds__lte=86_400, window_seconds__range=(1, 3600))
                & Q(probe_lease_seconds__range=(0.1, 3600)),
            ),
            # Calls without a breaker are an exception that ends by itself.
            models.CheckConstraint(
                name="breaker_disabled_until",
                condition=~Q(mode="disabled") | Q(mode_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"


class CircuitBreakerEvent(models.Model):
    """What happened to a breaker (`circuit_breaker_events`): transitions, and changes by operators.

    A transition's `seq` is its number in Redis, so that two processes which both deliver it write it once;
    that of a local breaker (Redis was away) has none and names its process in `actor`. Changes of settings,
    mode and resets are written by the database with `before` and `after`.
    """

    class Kind(models.TextChoices):
        TRANSITION = "transition"
        EXTENDED = "extended", "waits longer"
        SETTINGS = "settings"
        MODE = "mode"
        RESET = "reset"

    breaker = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind)
    from_state = models.CharField(max_length=20, db_default="")
    to_state = models.CharField(max_length=20, db_default="")
    cause = models.TextField(db_default="")
    actor = models.CharField(max_length=300, db_default="")
    generation = models.BigIntegerField(null=True)
    retry_at = models.DateTimeField(null=True)
    before = JsonField(db_default=Value(None, output_field=models.JSONField()), null=True)
    after = JsonField(db_default=Value(None, output_field=models.JSONField()), null=True)
    seq = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "circuit_breaker_events"
        indexes: ClassVar = [
            # Read by a breaker's page, newest first, and by the state strip of the last 24 hours.
            models.Index(fields=["breaker", "-created_at"], name="breaker_event_newest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["breaker", "seq"], name="breaker_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.breaker}: {self.kind} {self.from_state} -> {self.to_state}"
