"""Services of alerts: acknowledge, mute, unmute, set a rule. Used by API, console and commands."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import FieldError, InvalidInput
from governance.tasks.schemas import field_errors, require_text
from governance.tasks.services import Outcome
from monitoring.errors import AlertConflict, AlertNotFound, AlertRuleNotFound
from monitoring.models import Alert, AlertRule
from monitoring.models.alert import Severity

ACT, SET_RULE = "monitoring.change_alert", "monitoring.change_alertrule"
LONGEST_MUTE = timedelta(days=30)
State = Alert.State


class Changes(BaseModel):
    """What of a rule can be set; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    is_enabled: Annotated[bool, Field(strict=True)] | None = None
    severity: Severity | None = None
    threshold: Annotated[float, Field(strict=True, ge=0, le=1e12)] | None = None
    repeat_seconds: Annotated[int, Field(strict=True, ge=60, le=30 * 86_400)] | None = None


SETTINGS = tuple(Changes.model_fields)


def acknowledge(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    """open → acknowledged: somebody sees to it, nobody is told again. Skips those in another state."""
    require_text("reason", reason)
    return _change(ids, Q(state=State.OPEN), "acknowledge", actor, reason, state=State.ACKNOWLEDGED)


def mute(ids: Sequence[UUID], until: datetime, *, actor: Actor, reason: str) -> Outcome:
    """Tell nobody of these before then, whatever becomes of them. Raises `InvalidInput` for a time that has
    passed or is more than 30 days away."""
    require_text("reason", reason)
    now = timezone.now()
    if not now < until <= now + LONGEST_MUTE:
        raise InvalidInput([FieldError("until", "a time within the next 30 days is expected")])
    return _change(ids, Q(), "mute", actor, reason, muted_until=until)


def unmute(ids: Sequence[UUID], *, actor: Actor, reason: str = "") -> Outcome:
    """Tell people of these again. Skips those that are not muted."""
    is_muted = Q(muted_until__gt=timezone.now())
    return _change(ids, is_muted, "unmute", actor, reason, muted_until=None)


def one(verb: Callable[..., Outcome], alert_id: UUID, *said: Any, actor: Actor, reason: str) -> None:
    """Do it to one alert. Raises `AlertNotFound`, or `AlertConflict` if it does nothing for it."""
    outcome = verb([alert_id], *said, actor=actor, reason=reason)
    if outcome.skipped:
        raise AlertConflict(alert_id, verb.__name__, outcome.skipped[alert_id])
    if not outcome.moved:
        raise AlertNotFound(alert_id)


def set_rule(name: str, said: Mapping[str, Any], *, actor: Actor, reason: str) -> AlertRule:
    """Change a rule from the next sweep on: see `Changes`. Raises `AlertRuleNotFound` or `InvalidInput`."""
    actor.require(SET_RULE)
    require_text("reason", reason)
    changes = _changes(said)
    with audit.acting(actor, verb="set", reason=reason):
        row = AlertRule.objects.select_for_update().filter(pk=name).first()
        if row is None:
            raise AlertRuleNotFound(name, list(AlertRule.objects.values_list("pk", flat=True)))
        for field, value in changes.items():
            setattr(row, field, value)
        row.save(update_fields=list(changes))
    return row


def _changes(said: Mapping[str, Any]) -> dict[str, Any]:
    try:
        asked = Changes.model_validate(dict(said)).model_dump(exclude_none=True)
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None
    if not asked:
        raise InvalidInput([FieldError("body", f"say what to set: {', '.join(SETTINGS)}")])
    return asked


def _change(ids: Sequence[UUID], movable: Q, verb: str, actor: Actor, reason: str, **columns: Any) -> Outcome:
    """The database fills in who, why and when, as it does for changes made in SQL."""
    actor.require(ACT)
    with audit.acting(actor, verb=verb, reason=reason):
        chosen = Alert.objects.filter(movable, pk__in=ids)
        moving = [row.pk for row in chosen.order_by("pk").select_for_update()]
        Alert.objects.filter(pk__in=moving).update(**columns)
    stand = dict(Alert.objects.filter(pk__in=ids).values_list("pk", "state"))
    moved = {pk: state for pk, state in stand.items() if pk in moving}
    return Outcome(moved=moved, skipped={pk: state for pk, state in stand.items() if pk not in moved})
