"""Services of redrives: start, pause, resume, abort. All need `governance.retry_deadletter`."""

from typing import Annotated
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.access.actors import Actor
from governance.errors import InvalidInput
from governance.tasks.schemas import Text, field_errors, require_text
from reliability.errors import RedriveConflict, RedriveNotFound
from reliability.models import Redrive
from reliability.redrives import gates, selection, steps
from reliability.redrives.selection import Chosen

PERMISSION = "governance.retry_deadletter"
PACE_PER_SECOND = 10.0
MAX_PACE_PER_SECOND = 1000
MAX_FAILURE_RATE = 0.2


class RedriveOptions(BaseModel):
    """How a redrive is to go: why, letters per second at most, and the share of them that may fail again."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    reason: Annotated[Text, Field(min_length=1, max_length=1000)]
    pace: Annotated[float, Field(gt=0, le=MAX_PACE_PER_SECOND)]
    max_failure_rate: Annotated[float, Field(ge=0, le=1)]


def start(
    chosen: Chosen,
    *,
    actor: Actor,
    reason: str,
    pace: float = PACE_PER_SECOND,
    canary: bool = True,
    max_failure_rate: float = MAX_FAILURE_RATE,
) -> Redrive:
    """Freeze which letters are meant, retry the first of them, and leave the others to the watchdog.

    `pace` is letters per second; a second's worth may go at once. With `canary` one is tried, then five,
    then a quarter, then all. Letters that are not pending are left out. Raises `EmptyFilter`, `InvalidInput`
    or `Forbidden`.
    """
    actor.require(PERMISSION)
    agreed = terms(reason=reason.strip(), pace=pace, max_failure_rate=max_failure_rate)
    with transaction.atomic():
        redrive = _create(chosen, agreed, actor, canary=canary)
    # In a transaction of its own: freezing and handing over lock in different orders.
    steps.advance_one(redrive.pk, redrive.advanced_at)
    redrive.refresh_from_db()
    return redrive


def pause(redrive_id: UUID, *, actor: Actor, reason: str = "") -> Redrive:
    """Hand nothing more over until it is resumed; what was handed over goes on. Raises `RedriveConflict`."""
    actor.require(PERMISSION)
    with transaction.atomic():
        redrive = _locked(redrive_id, "pause", Redrive.State.RUNNING)
        redrive.state, redrive.stopped_by, redrive.stop_reason = Redrive.State.PAUSED, actor.name, reason
        redrive.save()
    return redrive


def resume(redrive_id: UUID, *, actor: Actor) -> Redrive:
    """Let a paused redrive go on where it was, at its pace. Raises `RedriveConflict`."""
    actor.require(PERMISSION)
    with transaction.atomic():
        redrive = _locked(redrive_id, "resume", Redrive.State.PAUSED)
        redrive.state, redrive.stopped_by, redrive.stop_reason = Redrive.State.RUNNING, "", ""
        redrive.advanced_at = max(redrive.advanced_at, timezone.now())
        redrive.save()
    return redrive


def abort(redrive_id: UUID, *, actor: Actor, reason: str) -> Redrive:
    """End it: what waits is skipped, what was handed over goes on.

    Raises `RedriveConflict`, or `InvalidInput` if the reason says nothing.
    """
    actor.require(PERMISSION)
    require_text("reason", reason)
    with transaction.atomic():
        redrive = _locked(redrive_id, "abort", Redrive.State.RUNNING, Redrive.State.PAUSED)
        steps.finish(redrive, Redrive.State.ABORTED, by=actor.name, why=reason, now=timezone.now())
        redrive.save()
    return redrive


def terms(**said: object) -> RedriveOptions:
    """Raises `InvalidInput`, which names every term that is wrong."""
    try:
        return RedriveOptions.model_validate(said)
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None


def _create(chosen: Chosen, agreed: RedriveOptions, actor: Actor, *, canary: bool) -> Redrive:
    now = timezone.now()
    redrive = Redrive.objects.create(
        filter=selection.said(chosen),
        filter_text=selection.words(chosen),
        reason=agreed.reason,
        started_by=actor.name,
        pace_per_second=agreed.pace,
        max_failure_rate=agreed.max_failure_rate,
        plan=[0],
        credit=max(1.0, agreed.pace),
        advanced_at=now,
    )
    redrive.total, redrive.left_out = selection.freeze(redrive, chosen)
    redrive.waiting = redrive.total
    redrive.plan = gates.stages(redrive.total, canary=canary)
    redrive.save()
    return redrive


def _locked(redrive_id: UUID, verb: str, *states: Redrive.State) -> Redrive:
    redrive = Redrive.objects.select_for_update().filter(pk=redrive_id).first()
    if redrive is None:
        raise RedriveNotFound(redrive_id)
    if redrive.state not in states:
        raise RedriveConflict(redrive_id, verb, redrive.state)
    return redrive
