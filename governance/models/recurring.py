"""Recurring tasks: what is submitted again and again, when, and what came of each time."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.models.defaults import EMPTY_OBJECT, SqlUser, TimeOrderedId
from governance.models.json_field import JsonField


class RecurringTask(models.Model):
    """A task that is submitted whenever its time comes (`recurring_tasks`).

    `kind` cron: at the times of `cron` (five fields, or `@daily` and its like) by the clocks of `timezone`.
    Where the clocks are put forward, what falls into the missing hour runs right after it; where they are
    put back, a fixed time runs once and what runs every hour or minute goes on. `kind` interval: every
    `every_seconds`, counted from `anchor_at`. `task` is what `POST /api/tasks` takes. A slot is a time at
    which it is due.

    `overlap` forbid: while the last one's task lives, a slot is skipped (or waits, if missed slots are to be
    made up for). `missed` says what becomes of slots that nobody could see to in time: `skip` them, run
    `once` for all of them, or run `all`, the newest `max_catch_up` of them at most.

    `next_run_at` is reliability's: the next slot (null while it is paused, or until the watchdog has looked
    at a row typed into psql). `problem` says why it cannot be submitted.
    """

    class Kind(models.TextChoices):
        CRON = "cron"
        INTERVAL = "interval"

    class Overlap(models.TextChoices):
        FORBID = "forbid"
        ALLOW = "allow"

    class Missed(models.TextChoices):
        SKIP = "skip"
        ONCE = "once"
        ALL = "all"

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    name = models.CharField(max_length=100, unique=True)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.ACTIVE)
    kind = models.CharField(max_length=10, choices=Kind)
    cron = models.CharField(max_length=200, blank=True, db_default="")
    every_seconds = models.IntegerField(null=True, blank=True)
    timezone = models.CharField(max_length=64, db_default="UTC")
    task = JsonField(db_default=EMPTY_OBJECT)
    overlap = models.CharField(max_length=10, choices=Overlap, db_default=Overlap.FORBID)
    missed = models.CharField(max_length=10, choices=Missed, db_default=Missed.ONCE)
    max_catch_up = models.IntegerField(db_default=10)
    anchor_at = models.DateTimeField(db_default=Now())
    next_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    problem = models.TextField(db_default="", editable=False)
    created_by = models.CharField(max_length=160, db_default=SqlUser())
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "recurring_tasks"
        verbose_name = "recurring task"
        indexes: ClassVar = [
            # Read by the watchdog's search for what is due.
            models.Index("next_run_at", name="recurring_due", condition=Q(status="active")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="recurring_status_known", condition=Q(status__in=["active", "paused"])
            ),
            # It is due by one clock, and by no other.
            models.CheckConstraint(
                name="recurring_says_when",
                condition=(Q(kind="cron", every_seconds__isnull=True) & ~Q(cron=""))
                | Q(kind="interval", every_seconds__gte=10, cron=""),
            ),
            models.CheckConstraint(
                name="recurring_overlap_known", condition=Q(overlap__in=["forbid", "allow"])
            ),
            models.CheckConstraint(
                name="recurring_missed_known", condition=Q(missed__in=["skip", "once", "all"])
            ),
            models.CheckConstraint(
                name="recurring_catch_up_bounded", condition=Q(max_catch_up__gte=1, max_catch_up__lte=1000)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecurringRun(models.Model):
    """The run of one scheduled time, or of several that were missed together (`recurring_runs`).

    `slot` is the time it was due (of several, the last), `slots` how many they were. `task_id` is the task
    that was submitted; the row outlives it.
    """

    class Outcome(models.TextChoices):
        SUBMITTED = "submitted"
        OVERLAP = "overlap"
        MISSED = "missed"
        REFUSED = "refused"

    id = models.BigAutoField(primary_key=True)
    recurring = models.ForeignKey(
        RecurringTask, on_delete=models.CASCADE, related_name="runs", db_index=False
    )
    slot = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    slots = models.IntegerField(db_default=1)
    task_id = models.UUIDField(null=True, blank=True)
    note = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "recurring_runs"
        constraints: ClassVar = [
            # A slot is seen to once, however many watchdogs and messages there are.
            models.UniqueConstraint(fields=["recurring", "slot"], name="recurring_slot_once"),
            models.CheckConstraint(
                name="recurring_outcome_known",
                condition=Q(outcome__in=["submitted", "overlap", "missed", "refused"]),
            ),
            models.CheckConstraint(
                name="recurring_submitted_has_task",
                condition=Q(outcome="submitted", task_id__isnull=False)
                | (~Q(outcome="submitted") & Q(task_id__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recurring_id} at {self.slot:%Y-%m-%d %H:%M:%S}: {self.outcome}"
