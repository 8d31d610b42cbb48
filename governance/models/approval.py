"""Calls that wait for a person's word."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.models.defaults import EMPTY_OBJECT, TimeOrderedId
from governance.models.json_field import JsonField


class Approval(models.Model):
    """A question to a person: may exactly this call be made? (`approvals`)

        pending ──approve──► approved ──the call is made──► used
          │  │                  │ ▲                           │
          │  └──reject──► rejected └── the call was not made ─┘
          └──time passes──► expired ◄──time passes── (approved)

    `digest` is that of worker, tool and exact arguments: other arguments are another question. `arguments`
    are shown to the person, without secrets. An approval is used once. A rejection stands for its task
    until `expires_at`.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        USED = "used"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    worker_id = models.CharField(max_length=64)
    tool_name = models.CharField(max_length=200)
    task_id = models.UUIDField(null=True, blank=True)
    digest = models.CharField(max_length=64)
    arguments = JsonField(db_default=EMPTY_OBJECT)
    price_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    status = models.CharField(max_length=20, choices=Status, db_default=Status.PENDING)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=160, db_default="")
    reason = models.TextField(db_default="")
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "approvals"
        permissions: ClassVar = [("decide_approval", "Can approve and reject calls")]
        indexes: ClassVar = [
            # Read by every call that needs an approval.
            models.Index(fields=["digest", "-id"], name="approval_digest"),
            # Read by the list of what waits, and by the watchdog's search for what is too late.
            models.Index(
                fields=["expires_at"], name="approval_open", condition=Q(status__in=["pending", "approved"])
            ),
            # Read by the page of a task.
            models.Index("task_id", "id", name="approval_task", condition=Q(task_id__isnull=False)),
        ]
        constraints: ClassVar = [
            # The same call is asked about once at a time.
            models.UniqueConstraint(
                fields=["digest", "task_id"],
                name="approval_one_open",
                condition=Q(status__in=["pending", "approved"]),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="approval_status_known",
                condition=Q(status__in=["pending", "approved", "rejected", "used", "expired"]),
            ),
            # Whoever decided is named, and nobody is while it is pending.
            models.CheckConstraint(
                name="approval_decision_says_who",
                condition=Q(status="pending", decided_at__isnull=True, decided_by="")
                | Q(status="expired")
                | Q(status__in=["approved", "rejected", "used"], decided_at__isnull=False)
                & ~Q(decided_by=""),
            ),
            models.CheckConstraint(
                name="approval_used_says_when",
                condition=Q(status="used", used_at__isnull=False)
                | (~Q(status="used") & Q(used_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status}: {self.worker_id} {self.tool_name} ({self.id})"
