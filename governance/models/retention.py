"""Retention rules, and the progress of the deletion."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.models.defaults import EMPTY_OBJECT
from governance.models.json_field import JsonField

# Rules of what is part of a task, and its tables.
PARTS = {
    "events": "task_events",
    "late results": "task_late_results",
    "steps": "task_steps",
    "calls": "tool_executions",
}


class RetentionRule(models.Model):
    """How many days one kind of row lives after its end (`retention_rules`); null is for ever.

    Read at every step, so a change made in SQL binds at the next one; it is audited. `least_days` is the
    shortest time with which reliability still works: budgets check a month, approvals and ramps look
    back. What is part of a task (`events`, `steps`, …) goes with its task at the latest: null there means
    as long as the task. `pruned_before`: whatever is older than this may be gone.
    """

    name = models.CharField(max_length=40, primary_key=True)
    keep_days = models.IntegerField(null=True, blank=True)
    least_days = models.IntegerField(db_default=1)
    what = models.TextField()
    pruned_before = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "retention_rules"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="retention_not_too_short",
                condition=Q(keep_days__isnull=True)
                | Q(keep_days__gte=F("least_days"), keep_days__lte=36_500),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.kept}"

    @property
    def kept(self) -> str:
        """For how long, in words."""
        if self.keep_days is None:
            return "as long as their task" if self.name in PARTS else "for ever"
        return days(self.keep_days)


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


class RetentionWalk(models.Model):
    """How far the watchdog's walk over one table is (`retention_walks`).

    It goes by the primary key in windows: `position` is the last key that was looked at ('' before the
    first), `deleted` what this walk has removed so far by table, and `rests_until` when the next begins.
    """

    name = models.CharField(max_length=40, primary_key=True)
    position = models.CharField(max_length=100, db_default="")
    deleted = JsonField(db_default=EMPTY_OBJECT)
    stepped_at = models.DateTimeField(db_default=Now())
    rests_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "retention_walks"

    def __str__(self) -> str:
        return f"{self.name} at {self.position or 'the beginning'}"

    def is_resting(self, now: datetime) -> bool:
        return self.rests_until is not None and self.rests_until > now
