"""Alerts: what was found to be wrong, by which rule, and who was told."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.models.defaults import EMPTY_OBJECT, TimeOrderedId
from governance.models.json_field import JsonField


class Severity(models.TextChoices):
    """How bad it is. `WARNING` will hurt, `CRITICAL` hurts now."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlertRule(models.Model):
    """What is looked at, and from where on it is an alert (`alert_rules`).

    `threshold` is in `unit`. While an alert of the rule is open, people are told again every
    `repeat_seconds`. Both bind at the next sweep, five seconds later, also when they were set in SQL. A rule
    that the code does not know is nobody's but the operator's: alerts of it are inserted, and resolved, in
    SQL, and are told like any other.
    """

    name = models.CharField(max_length=64, primary_key=True)
    says = models.TextField(db_default="")
    is_enabled = models.BooleanField(db_default=True)
    severity = models.CharField(max_length=10, choices=Severity, db_default=Severity.WARNING)
    threshold = models.FloatField(db_default=0.0)
    unit = models.CharField(max_length=40, db_default="")
    repeat_seconds = models.IntegerField(db_default=3600)

    class Meta:
        db_table = "alert_rules"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="alert_rule_severity_known", condition=Q(severity__in=["warning", "critical"])
            ),
            # NaN is more than any number, for PostgreSQL.
            models.CheckConstraint(
                name="alert_rule_threshold_sound", condition=Q(threshold__gte=0, threshold__lte=1e12)
            ),
            # Nobody is called more often than once a minute about the same thing.
            models.CheckConstraint(
                name="alert_rule_repeat_sound", condition=Q(repeat_seconds__range=(60, 30 * 86_400))
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """A finding (`alerts`): one row for each rule and subject, however often it comes.

        open ──acknowledge──► acknowledged
          ▲ │                    │
          │ └──the cause ends──┐ │
          └─it comes again── resolved ◄┘

    `occurrences` counts how often it opened. `opened_at` is when it last did, `seen_at` when it was last
    found so. While it is acknowledged, or `muted_until` has not come, nobody is told. `told_at` is when
    people were last told that it is open. Who acknowledged or muted it in SQL is filled in by the database.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    subject = models.CharField(max_length=200, db_default="")
    state = models.CharField(max_length=20, choices=State, db_default=State.OPEN)
    severity = models.CharField(max_length=10, choices=Severity, db_default=Severity.WARNING)
    said = models.TextField(db_default="")
    remedy = models.TextField(db_default="")
    value = models.FloatField(null=True, blank=True)
    evidence = JsonField(db_default=EMPTY_OBJECT)
    occurrences = models.IntegerField(db_default=1)
    first_at = models.DateTimeField(db_default=Now())
    opened_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=160, db_default="")
    acknowledged_why = models.TextField(db_default="")
    muted_until = models.DateTimeField(null=True, blank=True)
    muted_by = models.CharField(max_length=160, db_default="")
    muted_why = models.TextField(db_default="")
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "alerts"
        permissions: ClassVar = [("view_metrics", "Can read the metrics")]
        indexes: ClassVar = [
            # Read by every evaluation, by the overview's number and the metrics.
            models.Index("rule", "subject", name="alert_live", condition=~Q(state="resolved")),
        ]
        constraints: ClassVar = [
            # A finding is one row, whoever finds it how often.
            models.UniqueConstraint(fields=["rule", "subject"], name="alert_once"),
            models.CheckConstraint(
                name="alert_state_known", condition=Q(state__in=["open", "acknowledged", "resolved"])
            ),
            models.CheckConstraint(
                name="alert_severity_known", condition=Q(severity__in=["warning", "critical"])
            ),
            # What is over says when, what somebody has taken on says when, and nothing else does.
            models.CheckConstraint(
                name="alert_resolved_when",
                condition=Q(state="resolved", resolved_at__isnull=False)
                | (~Q(state="resolved") & Q(resolved_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="alert_acknowledged_when",
                condition=~Q(state="acknowledged") | Q(acknowledged_at__isnull=False),
            ),
            models.CheckConstraint(name="alert_occurrences_positive", condition=Q(occurrences__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.subject}".strip()

    @property
    def named(self) -> str:
        """Its rule and subject, which together are one alert."""
        return str(self)


class AlertMessage(models.Model):
    """One message about an alert to one target (`alert_messages`).

        waiting ──take──► sending ──it was taken──► sent
           ▲                 │ ├──nobody knows──► unknown
           └──it was not─────┘ └──too often, or too late──► failed
        waiting ──no longer true──► dropped

    A message is taken, and that committed, before it is sent. So who dies while sending leaves `sending`,
    which nobody sends again: at most one message for each finding, interval and target. Only what certainly
    did not arrive is tried again. `told_at` is the beginning of the interval that it belongs to.
    """

    class Kind(models.TextChoices):
        FIRING = "firing"
        RESOLVED = "resolved"

    class State(models.TextChoices):
        WAITING = "waiting"
        SENDING = "sending"
        SENT = "sent"
        UNKNOWN = "unknown"
        FAILED = "failed"
        DROPPED = "dropped"

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="messages", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    channel = models.CharField(max_length=20)
    target = models.CharField(max_length=64)
    told_at = models.DateTimeField()
    content = JsonField()
    state = models.CharField(max_length=10, choices=State, db_default=State.WAITING)
    tries = models.IntegerField(db_default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    taken_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "alert_messages"
        indexes: ClassVar = [
            # Read by who sends: what is due, and what was taken by somebody who never came back.
            models.Index(
                fields=["next_try_at"],
                name="alert_message_due",
                condition=Q(state__in=["waiting", "sending"]),
            ),
            # Read by the page of an alert, and by its end.
            models.Index(fields=["alert", "-id"], name="alert_message_newest"),
        ]
        constraints: ClassVar = [
            # The promise: one message that it is so, and one that it is over, for each interval and target.
            models.UniqueConstraint(
                fields=["alert", "kind", "told_at", "channel", "target"], name="alert_message_once"
            ),
            models.CheckConstraint(
                name="alert_message_kind_known", condition=Q(kind__in=["firing", "resolved"])
            ),
            models.CheckConstraint(
                name="alert_message_state_known",
                condition=Q(state__in=["waiting", "sending", "sent", "unknown", "failed", "dropped"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}, {self.state}"
