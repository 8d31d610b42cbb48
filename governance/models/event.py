"""Task events: append-only history, and late results."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from governance.models.json_field import JsonField


class TaskEvent(models.Model):
    """One transition of one task, written in the transaction that made it.

    `seq` is the task's own count of transitions (0 is its creation), so the primary key makes a second
    event for the same transition impossible. There is no foreign key: checking one would cost more
    than the event itself, and history outlives what it tells of.
    """

    pk = models.CompositePrimaryKey("task_id", "seq")
    task_id = models.UUIDField()
    seq = models.IntegerField()
    from_status = models.CharField(max_length=20, db_default="")
    to_status = models.CharField(max_length=20)
    actor = models.CharField(max_length=160)
    reason = models.TextField(db_default="")
    attempt = models.IntegerField(db_default=0)
    process_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "task_events"

    def __str__(self) -> str:
        return f"{self.task_id} #{self.seq}: {self.from_status or 'new'} to {self.to_status}"


class LateResult(models.Model):
    """What a worker brought back after it had lost the task: kept for an operator to see, never applied."""

    task_id = models.UUIDField()
    lease_token = models.BigIntegerField()
    attempt = models.IntegerField()
    process_id = models.UUIDField()
    outcome = models.CharField(max_length=20)
    result = JsonField(null=True)
    error_message = models.TextField(db_default="")
    found_status = models.CharField(max_length=20)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "task_late_results"
        constraints: ClassVar = [
            # Repeating a report that was not acknowledged stores it once.
            models.UniqueConstraint("task_id", "lease_token", name="late_result_once"),
        ]

    def __str__(self) -> str:
        return f"late {self.outcome} of {self.task_id}"
