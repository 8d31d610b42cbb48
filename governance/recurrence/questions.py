"""What pages, API and commands ask about recurring tasks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.utils import timezone

from governance import paging
from governance.actors import Actor
from governance.models import RecurringRun, RecurringTask
from governance.paging import Page, Row
from governance.recurrence import clock, verbs

VIEW = "governance.view_recurringtask"
SHOWN = 5
COLUMNS = (
    "id", "name", "status", "kind", "cron", "every_seconds", "timezone", "anchor_at", "task", "overlap",
    "missed", "max_catch_up", "next_run_at", "problem", "created_by", "created_at", "updated_at",
)  # fmt: skip
RUN = ("slot", "outcome", "slots", "task_id", "note", "created_at")


def all_of_them(asked: Mapping[str, Sequence[str]], *, actor: Actor) -> Page:
    """A page of recurring tasks, newest first."""
    actor.require(VIEW)
    paging.refuse_unknown(asked, known=paging.OPTIONS)
    options = paging.options(asked)
    found = RecurringTask.objects.order_by("-pk")
    if last := options.after(size=16):
        found = found.filter(pk__lt=UUID(bytes=last))
    rows = list(found.values(*COLUMNS)[: options.limit + 1])
    return paging.page(rows, limit=options.limit, key=lambda row: row["id"].bytes)


def one(recurring_id: UUID, *, actor: Actor) -> Row:
    """One with its next times; raises `RecurringNotFound`."""
    actor.require(VIEW)
    row = verbs.get(recurring_id)
    return {name: getattr(row, name) for name in COLUMNS} | {"next_runs": next_runs(row)}


def next_runs(row: RecurringTask, *, now: datetime | None = None, count: int = SHOWN) -> list[datetime]:
    """Its next times in UTC; none while it is paused or cannot be read."""
    if row.status != RecurringTask.Status.ACTIVE:
        return []
    try:
        return list(islice(clock.after(row, now or timezone.now()), count))
    except clock.NeverDue:
        return []


def runs(recurring_id: UUID, asked: Mapping[str, Sequence[str]], *, actor: Actor) -> Page:
    """A page of its history, newest first; raises `RecurringNotFound`."""
    actor.require(VIEW)
    paging.refuse_unknown(asked, known=paging.OPTIONS)
    options = paging.options(asked)
    found = RecurringRun.objects.filter(recurring=verbs.get(recurring_id))
    if last := options.after(size=8):
        found = found.filter(pk__lt=int.from_bytes(last))
    rows: list[dict[str, Any]] = list(found.order_by("-pk").values("pk", *RUN)[: options.limit + 1])
    page = paging.page(rows, limit=options.limit, key=lambda row: row["pk"].to_bytes(8))
    return Page([{name: row[name] for name in RUN} for row in page.rows], page.cursor)
