"""Queries of recurring tasks for pages, API and commands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.utils import timezone

from governance import pagination
from governance.access.actors import Actor
from governance.models import RecurringRun, RecurringTask
from governance.pagination import Page, Row
from governance.schedules import cron, services

VIEW = "governance.view_recurringtask"
SHOWN = 5
COLUMNS = (
    "id", "name", "status", "kind", "cron", "every_seconds", "timezone", "anchor_at", "task", "overlap",
    "missed", "max_catch_up", "next_run_at", "problem", "created_by", "created_at", "updated_at",
)  # fmt: skip
RUN = ("slot", "outcome", "slots", "task_id", "note", "created_at")


def all_schedules(asked: Mapping[str, Sequence[str]], *, actor: Actor) -> Page:
    """A page of recurring tasks, newest first."""
    actor.require(VIEW)
    pagination.refuse_unknown(asked, known=pagination.OPTIONS)
    options = pagination.options(asked)
    found = RecurringTask.objects.order_by("-pk")
    if last := options.after(size=16):
        found = found.filter(pk__lt=UUID(bytes=last))
    rows = list(found.values(*COLUMNS)[: options.limit + 1])
    return pagination.page(rows, limit=options.limit, key=lambda row: row["id"].bytes)


def one(recurring_id: UUID, *, actor: Actor) -> Row:
    """One with its next times; raises `RecurringNotFound`."""
    actor.require(VIEW)
    row = services.get(recurring_id)
    return {name: getattr(row, name) for name in COLUMNS} | {"next_runs": next_runs(row)}


def next_runs(row: RecurringTask, *, now: datetime | None = None, count: int = SHOWN) -> list[datetime]:
    """Its next times in UTC; none while it is paused or cannot be read."""
    if row.status != RecurringTask.Status.ACTIVE:
        return []
    try:
        return list(islice(cron.after(row, now or timezone.now()), count))
    except cron.NeverDue:
        return []


def runs(recurring_id: UUID, asked: Mapping[str, Sequence[str]], *, actor: Actor) -> Page:
    """A page of its history, newest first; raises `RecurringNotFound`."""
    actor.require(VIEW)
    pagination.refuse_unknown(asked, known=pagination.OPTIONS)
    options = pagination.options(asked)
    found = RecurringRun.objects.filter(recurring=services.get(recurring_id))
    if last := options.after(size=8):
        found = found.filter(slot__lt=pagination.moment_of(last))
    rows = list(found.order_by("-slot").values(*RUN)[: options.limit + 1])
    return pagination.page(rows, limit=options.limit, key=lambda row: pagination.moment_key(row["slot"]))
