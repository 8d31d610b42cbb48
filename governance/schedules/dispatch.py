"""What happens when a time has come. Safe to do twice, late, or by two at once: whoever comes first locks the
row, and each slot has one row in `recurring_runs`, written in the transaction that submits its task."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from governance.access.actors import Actor
from governance.errors import GovernanceError
from governance.models import RecurringRun, RecurringTask, Task
from governance.models.task import LIVE
from governance.schedules import cron, schemas
from governance.tasks import services as tasks
from governance.tasks.schemas import Submission

Missed, Outcome, Overlap = RecurringTask.Missed, RecurringRun.Outcome, RecurringTask.Overlap

# A slot is in time for so long: longer than a standby watchdog needs to take over.
IN_TIME = timedelta(minutes=2)
COUNTED = 10_000


def due(now: datetime, *, limit: int = 1000) -> list[UUID]:
    """Those whose time has come, or has yet to be found, longest due first."""
    active = RecurringTask.objects.filter(status=RecurringTask.Status.ACTIVE)
    waiting = active.filter(Q(next_run_at__lte=now) | Q(next_run_at=None, problem=""))
    return list(waiting.order_by("next_run_at", "pk").values_list("pk", flat=True)[:limit])


def dispatch(recurring_id: UUID, *, now: datetime) -> int:
    """Submit what is due of it, find its next time, and say how many tasks were submitted.

    Nothing is due for somebody who comes second. A row that cannot be read or submitted says so in its
    `problem` and in its history, and raises nothing.
    """
    with transaction.atomic():
        active = RecurringTask.objects.filter(pk=recurring_id, status=RecurringTask.Status.ACTIVE)
        row = active.select_for_update(skip_locked=True).first()
        if row is None:
            return 0
        try:
            return _see_to(row, now)
        except cron.NeverDue as never:
            _update(row, next_run_at=None, problem=f"cron: {never}")
            return 0


def _see_to(row: RecurringTask, now: datetime) -> int:
    if row.next_run_at is None:
        _update(row, next_run_at=cron.next_after(row, now), problem="")
        return 0
    if row.next_run_at > now:
        return 0
    slots = _wanted(row, now)
    submitted = 0
    for slot in slots:
        if row.overlap == Overlap.FORBID and _is_last_alive(row):
            if row.missed == Missed.ALL:
                _update(row, next_run_at=slot)  # it waits for the last one to end
                return submitted
            _note(row, slot, Outcome.OVERLAP, note="the last one's task had not ended")
        else:
            submitted += _submit(row, slot)
    _update(row, next_run_at=cron.next_after(row, now))
    return submitted


def _wanted(row: RecurringTask, now: datetime) -> Sequence[datetime]:
    """The slots that are to be run by the policy; what is left out is noted as missed."""
    assert row.next_run_at is not None
    first = row.next_run_at
    most = row.max_catch_up if row.missed == Missed.ALL else 1
    slots = cron.newest(row, since=first, until=now, most=most) or [first]
    left_out = cron.count(row, since=first, before=slots[0], most=COUNTED)
    if left_out:
        [last] = cron.newest(row, since=first, until=slots[0] - timedelta(microseconds=1), most=1)
        _note(row, last, Outcome.MISSED, slots=left_out, note="nobody could see to it in time")
    if row.missed == Missed.SKIP and now - slots[-1] > IN_TIME:
        _note(row, slots[-1], Outcome.MISSED, note="nobody could see to it in time")
        return []
    return slots


def _submit(row: RecurringTask, slot: datetime) -> int:
    try:
        with transaction.atomic():
            wanted = _of_slot(row, slot)
            [receipt] = tasks.submit([wanted], actor=Actor(f"recurring:{row.name}", is_trusted=True))
    except GovernanceError as refusal:
        _note(row, slot, Outcome.REFUSED, note=str(refusal))
        _update(row, problem=f"it could not be submitted: {refusal}")
        return 0
    _note(row, slot, Outcome.SUBMITTED, task_id=receipt.id)
    _update(row, problem="")
    return 1


def _of_slot(row: RecurringTask, slot: datetime) -> Submission:
    wanted = schemas.task_of(row.task)
    key = f"recurring {row.pk} {slot:%Y-%m-%dT%H:%M:%S.%fZ}"
    return wanted.model_copy(update={"idempotency_key": key, "title": wanted.title or row.name})


def _is_last_alive(row: RecurringTask) -> bool:
    runs = RecurringRun.objects.filter(recurring=row, outcome=Outcome.SUBMITTED)
    last = runs.order_by("-slot").values_list("task_id", flat=True).first()
    return last is not None and Task.objects.filter(pk=last, status__in=LIVE).exists()


def _note(
    row: RecurringTask,
    slot: datetime,
    outcome: str,
    *,
    slots: int = 1,
    task_id: UUID | None = None,
    note: str = "",
) -> None:
    RecurringRun.objects.bulk_create(
        [
            RecurringRun(
                recurring=row, slot=slot, outcome=outcome, slots=slots, task_id=task_id, note=note[:1000]
            )
        ],
        ignore_conflicts=outcome != Outcome.SUBMITTED,
    )


def _update(row: RecurringTask, **columns: object) -> None:
    RecurringTask.objects.filter(pk=row.pk).update(**columns)
