"""Triage of failure groups: open, known, or ignored until something happens.

Ignoring hides nothing for ever: it ends at a time, after so many more failures, or when so many come in one
clock hour (UTC), whichever is first; the watchdog then opens the group again and says why.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.access.actors import Actor
from governance.errors import FieldError, GroupNotFound, InvalidInput
from governance.models import FailureHour, FailureSignature
from governance.tasks.schemas import Time, field_errors, require_text

PERMISSION = "governance.triage_failuresignature"
_Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
_NOT_IGNORED = {"ignored_until": None, "ignored_until_failures": None, "ignored_until_per_hour": None}


class Until(BaseModel):
    """When ignoring ends, whichever comes first: at a time (ISO 8601 with a zone), after `failures` more,
    or at `per_hour` of them in one clock hour."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    until: Time | None = None
    failures: _Count | None = None
    per_hour: _Count | None = None


def judge(
    group_id: UUID, triage: FailureSignature.Triage, *, actor: Actor, note: str = "", **until: Any
) -> FailureSignature:
    """Put a group into this state; raises what the verb for it does."""
    named = {name: value for name, value in until.items() if value is not None}
    if triage == FailureSignature.Triage.IGNORED:
        return ignore(group_id, actor=actor, note=note, **named)
    if named:
        raise InvalidInput([FieldError(name, "only a group that is ignored has an end") for name in named])
    verb = mark_known if triage == FailureSignature.Triage.KNOWN else reopen
    return verb(group_id, actor=actor, note=note)


def reopen(group_id: UUID, *, actor: Actor, note: str = "") -> FailureSignature:
    """It needs attention. Raises `GroupNotFound`."""
    return _set(group_id, actor, FailureSignature.Triage.OPEN, note, _NOT_IGNORED)


def mark_known(group_id: UUID, *, actor: Actor, note: str) -> FailureSignature:
    """Somebody knows of it; the note says what. Raises `GroupNotFound` or `InvalidInput`."""
    require_text("note", note)
    return _set(group_id, actor, FailureSignature.Triage.KNOWN, note, _NOT_IGNORED)


@transaction.atomic
def ignore(
    group_id: UUID, *, actor: Actor, note: str, now: datetime | None = None, **until: Any
) -> FailureSignature:
    """Leave it out of sight until what `UntilRequest` names (`until`, `failures`, `per_hour`; at least one).

    Raises `GroupNotFound`, or `InvalidInput`, also for an end that has come already.
    """
    actor.require(PERMISSION)
    require_text("note", note)
    end, now = _until(until), now or timezone.now()
    group = _locked(group_id)
    _refuse_past(group, end, now)
    limits = {
        "ignored_until": end.until,
        "ignored_until_failures": group.failures + end.failures if end.failures else None,
        "ignored_until_per_hour": end.per_hour,
    }
    return _set(group_id, actor, FailureSignature.Triage.IGNORED, note, limits, now=now)


# Failures of the last hour count as well: the sweep may come a moment after they did. Those of an hour
# before it was ignored do not. Groups that are just being counted are left to the next sweep: who counts
# takes them in any order, and whoever waited for one while holding another could wait in a circle.
_END = """
UPDATE failure_signatures s
SET triage = 'open', ignored_until = NULL, ignored_until_failures = NULL, ignored_until_per_hour = NULL,
    triaged_by = 'WATCHDOG', triaged_at = %(now)s,
    note = concat_ws('; ignored before: ', e.why, nullif(s.note, ''))
FROM (
  SELECT s.id, CASE
      WHEN s.ignored_until <= %(now)s THEN 'the time until which it was ignored has come'
      WHEN s.failures >= s.ignored_until_failures THEN 'it failed as often as it was to be ignored'
      ELSE format('it failed %%s times in one hour', h.failures) END AS why
  FROM failure_signatures s LEFT JOIN LATERAL (
    SELECT max(h.failures) AS failures FROM failure_signature_hours h
    WHERE h.signature_id = s.id AND h.hour IN (%(hour)s, %(last_hour)s)
      AND h.hour > s.triaged_at - interval '1 hour') h ON true
  WHERE s.triage = 'ignored'
    AND (s.ignored_until <= %(now)s OR s.failures >= s.ignored_until_failures
         OR h.failures >= s.ignored_until_per_hour)
  FOR UPDATE OF s SKIP LOCKED) e
WHERE s.id = e.id"""


def end_ignoring(now: datetime) -> int:
    """Open the groups whose end of being ignored has come; how many."""
    hour = _hour(now)
    with connection.cursor() as cursor:
        cursor.execute(_END, {"now": now, "hour": hour, "last_hour": hour - timedelta(hours=1)})
        ended: int = cursor.rowcount
    return ended


@transaction.atomic
def _set(
    group_id: UUID,
    actor: Actor,
    triage: FailureSignature.Triage,
    note: str,
    limits: dict[str, Any],
    *,
    now: datetime | None = None,
) -> FailureSignature:
    actor.require(PERMISSION)
    group = _locked(group_id)
    for name, value in limits.items():
        setattr(group, name, value)
    group.triage, group.note = triage, note
    group.triaged_by, group.triaged_at = actor.name, now or timezone.now()
    # Only what is triage's: the counts belong to the triggers.
    group.save(update_fields=["triage", "note", "triaged_by", "triaged_at", *limits])
    return group


def _locked(group_id: UUID) -> FailureSignature:
    group = FailureSignature.objects.select_for_update().filter(pk=group_id).first()
    if group is None:
        raise GroupNotFound(group_id)
    return group


def _until(said: dict[str, Any]) -> Until:
    try:
        end = Until.model_validate(said)
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None
    if end == Until():
        raise InvalidInput([FieldError("until", "say until when: a time, failures or per_hour")])
    return end


def _refuse_past(group: FailureSignature, end: Until, now: datetime) -> None:
    if end.until and end.until <= now:
        raise InvalidInput([FieldError("until", "a time to come is expected")])
    failed = (
        FailureHour.objects.filter(signature=group, hour=_hour(now))
        .values_list("failures", flat=True)
        .first()
    )
    if end.per_hour and failed and failed >= end.per_hour:
        raise InvalidInput([FieldError("per_hour", f"it has failed {failed} times in this hour already")])


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
