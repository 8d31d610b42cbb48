"""The rows of reliability: who leads, what each sweep of the watchdog did, retries of many letters."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from governance.models import DeadLetter, Task
from governance.models.defaults import EMPTY_OBJECT, TimeOrderedId
from governance.models.json_field import JsonField
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent

__all__ = [
    "CircuitBreaker",
    "CircuitBreakerEvent",
    "Leadership",
    "Redrive",
    "RedriveItem",
    "WatchdogSweep",
]


class Leadership(models.Model):
    """Who may act where only one may (`leadership`): the owner, until the lease runs out.

    `reliability.watchdog.leadership` alone writes it. Times are the database's clock.
    """

    name = models.CharField(max_length=64, primary_key=True)
    owner = models.CharField(max_length=300)
    since = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "leadership"
        verbose_name_plural = "leadership"

    def __str__(self) -> str:
        return f"{self.name}: {self.owner}"


class WatchdogSweep(models.Model):
    """What one sweep did (`watchdog_sweeps`), kept for 24 hours.

    `counts` is the number of rows each duty changed, duties that failed are named in `error`.
    """

    started_at = models.DateTimeField(db_default=Now())
    leader = models.CharField(max_length=300)
    duration_ms = models.IntegerField()
    counts = JsonField(db_default=Value({}, output_field=models.JSONField()))
    error = models.TextField(db_default="")

    class Meta:
        db_table = "watchdog_sweeps"
        indexes: ClassVar = [
            # Read by the console's newest-first list and by the duty that forgets old sweeps.
            models.Index(fields=["-started_at"], name="watchdog_sweep_newest"),
        ]

    def __str__(self) -> str:
        return f"sweep of {self.started_at:%Y-%m-%d %H:%M:%S} by {self.leader}"


class Redrive(models.Model):
    """A retry of many dead letters, done by the watchdog at a pace (`redrives`).

        start ──► running ──nothing is left──► completed
                   │ ▲ │
              pause│ │ └──a gate closes──► stopped
                   ▼ │resume
                  paused ──abort (running, too)──► aborted

    Which letters it means is frozen when it starts (`items`). It tries `plan[0]` of them, waits for what
    becomes of them, goes on to `plan[1]`, and so on; a gate (see `reliability.redrives.gates`) stops it.
    What was handed over when it ended is still settled, so that the counts become final.

    Counts: `total` is their sum. `left_out` are letters that were meant, but could not be retried when
    it started, by reason. `credit` is how many letters may be handed over at once, as of `advanced_at`.
    `stopped_by` is who or what paused or ended it: a person's name or a gate's. Only
    `reliability.redrives` writes these rows, each step under the lock of the redrive.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        STOPPED = "stopped"
        ABORTED = "aborted"

    FINISHED = (State.COMPLETED, State.STOPPED, State.ABORTED)

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    state = models.CharField(max_length=20, choices=State, db_default=State.RUNNING)
    filter = JsonField(null=True, blank=True)
    filter_text = models.TextField()
    reason = models.TextField()
    started_by = models.CharField(max_length=150)
    pace_per_second = models.FloatField()
    max_failure_rate = models.FloatField()
    plan = ArrayField(models.IntegerField())
    stage = models.IntegerField(db_default=0)
    total = models.IntegerField(db_default=0)
    waiting = models.IntegerField(db_default=0)
    handed_over = models.IntegerField(db_default=0)
    succeeded = models.IntegerField(db_default=0)
    failed = models.IntegerField(db_default=0)
    skipped = models.IntegerField(db_default=0)
    left_out = JsonField(db_default=EMPTY_OBJECT)
    credit = models.FloatField()
    advanced_at = models.DateTimeField()
    stopped_by = models.CharField(max_length=150, db_default="")
    stop_reason = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "redrives"
        indexes: ClassVar = [
            # Read by the watchdog: redrives with something to do or to wait for.
            models.Index("id", name="redrive_live", condition=Q(state="running") | Q(handed_over__gt=0)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="redrive_state_known",
                condition=Q(state__in=["running", "paused", "completed", "stopped", "aborted"]),
            ),
            # Each item is counted once, in the state that it is in.
            models.CheckConstraint(
                name="redrive_counts_add_up",
                condition=Q(waiting__gte=0, handed_over__gte=0, succeeded__gte=0, failed__gte=0)
                & Q(skipped__gte=0)
                & Q(total=F("waiting") + F("handed_over") + F("succeeded") + F("failed") + F("skipped")),
            ),
            # Whatever has finished says when and has nothing waiting.
            models.CheckConstraint(
                name="redrive_finished_when",
                condition=(
                    Q(state__in=["completed", "stopped", "aborted"], finished_at__isnull=False, waiting=0)
                    | Q(state__in=["running", "paused"], finished_at__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="redrive_limits",
                condition=Q(pace_per_second__gt=0, max_failure_rate__gte=0, max_failure_rate__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state}: {self.filter_text}"

    @property
    def tried(self) -> int:
        """How many letters were handed over and have come to an end."""
        return self.succeeded + self.failed

    @property
    def is_canary(self) -> bool:
        """Whether it still tries a few before it goes on to all."""
        return self.stage < len(self.plan) - 1


class RedriveItem(models.Model):
    """One letter of a redrive and what became of it (`redrive_items`).

    `retries` is how often the letter had been retried when it was frozen: if it was retried by anybody
    since, this redrive leaves it alone. Letters and tasks may be deleted, what was done with them stays.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        HANDED_OVER = "handed_over", "handed over"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"

    redrive = models.ForeignKey(Redrive, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.IntegerField()
    letter = models.ForeignKey(
        DeadLetter, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    task = models.ForeignKey(
        Task, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    retries = models.IntegerField()
    state = models.CharField(max_length=20, choices=State, db_default=State.WAITING)
    why = models.TextField(db_default="")
    handed_over_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "redrive_items"
        indexes: ClassVar = [
            # Read by each step, and by the page of a redrive's items.
            models.Index(fields=["redrive", "state", "position"], name="redrive_item_next"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["redrive", "position"], name="redrive_item_position"),
            # A redrive retries a letter once.
            models.UniqueConstraint(fields=["letter", "redrive"], name="redrive_item_once"),
            models.CheckConstraint(
                name="redrive_item_state_known",
                condition=Q(state__in=["waiting", "handed_over", "succeeded", "failed", "skipped"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.state}"
