"""Queries of alerts for pages, API and commands."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from governance import pagination
from governance.access.actors import Actor
from governance.pagination import Asked, Page, Row
from governance.tasks.schemas import Text
from monitoring.errors import AlertNotFound
from monitoring.models import Alert, AlertMessage, AlertRule
from monitoring.models.alert import Severity

VIEW, VIEW_RULES = "monitoring.view_alert", "monitoring.view_alertrule"
MESSAGES_SHOWN = 50
COUNTED_UP_TO = 1_000
ALERT = (
    "id", "rule", "subject", "state", "severity", "said", "remedy", "value", "evidence", "occurrences",
    "first_at", "opened_at", "seen_at", "resolved_at", "acknowledged_at", "acknowledged_by",
    "acknowledged_why", "muted_until", "muted_by", "muted_why", "told_at",
)  # fmt: skip
MESSAGE = (
    "id", "kind", "channel", "target", "state", "tries", "error", "told_at", "next_try_at", "ended_at",
    "created_at",
)  # fmt: skip
RULE = ("name", "says", "is_enabled", "severity", "threshold", "unit", "repeat_seconds")


class AlertFilter(BaseModel):
    """Which alerts are meant. Lists mean any of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: list[Alert.State] | None = None
    rule: list[Text] | None = None
    severity: list[Severity] | None = None

    @property
    def conditions(self) -> dict[str, Any]:
        named = {"state__in": self.state, "rule__in": self.rule, "severity__in": self.severity}
        return {column: value for column, value in named.items() if value is not None}


def alerts(asked: Asked, *, actor: Actor) -> Page:
    """A page of alerts, those that came first for the first time last."""
    actor.require(VIEW)
    found = Alert.objects.filter(**pagination.parse(AlertFilter, asked).conditions)
    options = pagination.options(asked)
    if last := options.after(size=16):
        found = found.filter(pk__lt=UUID(bytes=last))
    rows = list(found.order_by("-pk").values(*ALERT)[: options.limit + 1])
    return pagination.page(rows, limit=options.limit, key=lambda row: row["id"].bytes)


def alert(alert_id: UUID, *, actor: Actor) -> Row:
    """One with its newest messages. Raises `AlertNotFound`."""
    actor.require(VIEW)
    row: Row | None = Alert.objects.filter(pk=alert_id).values(*ALERT).first()
    if row is None:
        raise AlertNotFound(alert_id)
    return row | {"messages": messages(alert_id)}


def messages(alert_id: UUID) -> list[Row]:
    """The newest messages about an alert: to whom, and whether they arrived."""
    found = AlertMessage.objects.filter(alert_id=alert_id).order_by("-pk").values(*MESSAGE)
    return list(found[:MESSAGES_SHOWN])


def rules(*, actor: Actor) -> list[Row]:
    """Every rule with its threshold."""
    actor.require(VIEW_RULES)
    return list(AlertRule.objects.order_by("pk").values(*RULE))


def count_open() -> int:
    """How many alerts nobody has acknowledged, `COUNTED_UP_TO` at most."""
    return Alert.objects.filter(state=Alert.State.OPEN).values("pk")[:COUNTED_UP_TO].count()
