"""The rows of the machinery: who leads, and what each sweep of the watchdog did."""

from typing import ClassVar

from django.db import models
from django.db.models import Value
from django.db.models.functions import Now


class Leadership(models.Model):
    """Who may act where only one may (`leadership`): the owner, until the lease runs out.

    `reliability.leadership` alone writes it. Times are the database's clock.
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
    counts = models.JSONField(db_default=Value({}, output_field=models.JSONField()))
    error = models.TextField(db_default="")

    class Meta:
        db_table = "watchdog_sweeps"
        indexes: ClassVar = [
            # Read by the console's newest-first list and by the duty that forgets old sweeps.
            models.Index(fields=["-started_at"], name="watchdog_sweep_newest"),
        ]

    def __str__(self) -> str:
        return f"sweep of {self.started_at:%Y-%m-%d %H:%M:%S} by {self.leader}"
