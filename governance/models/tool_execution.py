"""Calls of tools and models: what was sent, what was refused, how it ended."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models.defaults import EMPTY_OBJECT, StatementTime, TimeOrderedId
from governance.models.json_field import JsonField


class ToolExecution(models.Model):
    """One call of a tool or a model (`tool_executions`), whether it was sent, refused or failed.

        sent ──► succeeded | failed
        refused, failed: never sent

    `rule` names what decided: the permission that allowed it, or the gate's rule that did not.
    `call_key` names a call that went out within its task: one with the same key may have been carried out.
    `arguments` and `error_message` hold no secrets and have a bounded size. A row that stays `sent`
    after `ends_by` is one whose worker never came back: the watchdog ends it as failed.
    """

    class Status(models.TextChoices):
        SENT = "sent"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    task_id = models.UUIDField(null=True, blank=True)
    worker_id = models.CharField(max_length=64)
    tool_name = models.CharField(max_length=200)
    service = models.CharField(max_length=100, db_default="")
    model = models.CharField(max_length=200, db_default="")
    arguments = JsonField(db_default=EMPTY_OBJECT)
    status = models.CharField(max_length=20, choices=Status, db_default=Status.SENT)
    call_key = models.CharField(max_length=200, db_default="")
    rule = models.CharField(max_length=300, db_default="")
    error_message = models.TextField(db_default="")
    duration_ms = models.IntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    created_at = models.DateTimeField(db_default=StatementTime())
    ends_by = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "tool_executions"
        indexes: ClassVar = [
            # Read by the page of a task.
            models.Index("task_id", "id", name="execution_task", condition=Q(task_id__isnull=False)),
            # Read by whoever asks whether a call of a task went out before.
            models.Index("task_id", "call_key", name="execution_key", condition=~Q(call_key="")),
            # Read by the runbook's counts of what failed lately.
            models.Index(
                fields=["-created_at"],
                name="execution_failed",
                condition=Q(status__in=["failed", "refused"]),
            ),
            # Read by the watchdog's search for calls whose worker never came back.
            models.Index(fields=["ends_by"], name="execution_sent", condition=Q(status="sent")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="execution_status_known",
                condition=Q(status__in=["sent", "succeeded", "failed", "refused"]),
            ),
            # What went wrong is said.
            models.CheckConstraint(
                name="execution_failure_says_why",
                condition=~Q(status__in=["failed", "refused"]) | ~Q(error_message=""),
            ),
            models.CheckConstraint(
                name="execution_ended_when_it_ended",
                condition=Q(status="sent", ended_at__isnull=True)
                | (~Q(status="sent") & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status}: {self.worker_id} {self.tool_name} ({self.id})"
