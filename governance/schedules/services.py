"""The verbs of recurring tasks: create, change, pause, resume, remove. API, admin and commands call these."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import FieldError, InvalidInput, RecurringNotFound
from governance.models import RecurringTask
from governance.schedules import cron
from governance.schedules.schemas import ScheduleInput, parse
from governance.tasks.services import Outcome

ADD, CHANGE, REMOVE = (f"governance.{verb}_recurringtask" for verb in ("add", "change", "delete"))
# What one may say again when a recurring task is changed.
SAID = tuple(ScheduleInput.model_fields)


def create(said: Mapping[str, Any], *, actor: Actor, reason: str = "") -> RecurringTask:
    """Make a recurring task on these `ScheduleInput`. Needs the permission to submit its tasks, too.

    Raises `InvalidInput` with every field that is wrong, or `Forbidden`.
    """
    actor.require(ADD)
    actor.require("governance.add_task")
    terms = parse(said)
    row = RecurringTask(**terms.columns(), created_by=actor.name)
    return _save(row, "create", actor, reason)


def change(recurring_id: UUID, said: Mapping[str, Any], *, actor: Actor, reason: str = "") -> RecurringTask:
    """Change what is said and leave the rest. Naming one of `cron` and `every_seconds` drops the other.

    Raises `InvalidInput`, `RecurringNotFound` or `Forbidden`.
    """
    actor.require(CHANGE)
    actor.require("governance.add_task")
    row = get(recurring_id)
    terms = parse(_as_said(row) | _without_other_clock(said) | dict(said))
    for name, value in terms.columns().items():
        setattr(row, name, value)
    return _save(row, "change", actor, reason)


def pause(ids: Sequence[UUID], *, actor: Actor, reason: str = "") -> Outcome:
    """Stop these; what falls into the pause is not missed, it was not wanted."""
    return _turn(ids, RecurringTask.Status.PAUSED, "pause", actor, reason)


def resume(ids: Sequence[UUID], *, actor: Actor, reason: str = "") -> Outcome:
    """Let these go on from their next time."""
    return _turn(ids, RecurringTask.Status.ACTIVE, "resume", actor, reason)


def remove(recurring_id: UUID, *, actor: Actor, reason: str = "") -> None:
    """Delete it with its history; the tasks that it submitted stay. Raises `RecurringNotFound`."""
    actor.require(REMOVE)
    with audit.acting(actor, verb="remove", reason=reason):
        get(recurring_id).delete()


def get(recurring_id: UUID) -> RecurringTask:
    """Raises `RecurringNotFound`."""
    found = RecurringTask.objects.filter(pk=recurring_id).first()
    if found is None:
        raise RecurringNotFound(recurring_id)
    return found


def _save(row: RecurringTask, verb: str, actor: Actor, reason: str) -> RecurringTask:
    try:
        with audit.acting(actor, verb=verb, reason=reason):
            row.save()
            row.refresh_from_db()  # what the database filled in
            _set_next([row])
    except IntegrityError as taken:
        if "recurring_tasks_name" not in str(taken):
            raise
        raise InvalidInput(
            [FieldError("name", f"another recurring task has the name {row.name!r}")]
        ) from None
    return row


def _turn(ids: Sequence[UUID], status: str, verb: str, actor: Actor, reason: str) -> Outcome:
    actor.require(CHANGE)
    with audit.acting(actor, verb=verb, reason=reason):
        turning = RecurringTask.objects.filter(pk__in=ids).exclude(status=status).order_by("pk")
        rows = list(turning.select_for_update())
        RecurringTask.objects.filter(pk__in=[row.pk for row in rows]).update(status=status)
        for row in rows:
            row.refresh_from_db()
        _set_next(rows)
    moved = {row.pk: status for row in rows}
    left = RecurringTask.objects.filter(pk__in=set(ids) - moved.keys())
    return Outcome(moved=moved, skipped=dict(left.values_list("pk", "status")))


def _set_next(rows: Sequence[RecurringTask]) -> None:
    """The trigger has forgotten the next time of those whose clock was changed."""
    for row in rows:
        if row.status == RecurringTask.Status.ACTIVE and row.next_run_at is None:
            row.next_run_at = cron.next_after(row, timezone.now())
            RecurringTask.objects.filter(pk=row.pk).update(next_run_at=row.next_run_at)


def _as_said(row: RecurringTask) -> dict[str, Any]:
    return {name: getattr(row, name) for name in SAID}


def _without_other_clock(said: Mapping[str, Any]) -> dict[str, Any]:
    if said.get("cron"):
        return {"every_seconds": None}
    return {"cron": ""} if said.get("every_seconds") else {}
