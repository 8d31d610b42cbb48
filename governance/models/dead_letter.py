"""Dead letters: tasks that need a person, and the groups of failures they belong to."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from governance.models.defaults import EMPTY_OBJECT, TimeOrderedId
from governance.models.json_field import JsonField
from governance.models.task import Task

EMPTY_LIST = Value([], output_field=models.JSONField())
NO_TEXTS = Value([], output_field=ArrayField(models.CharField(max_length=100)))


class FailureSignature(models.Model):
    """A group of dead letters that failed alike (`failure_signatures`).

    Its id is the hash of what makes failures alike: rules version, task type, tool, service, error
    class, normalised text. The counts are kept by triggers on `dead_letter_queue`, in the transaction
    that changes a letter, so they agree with the rows whichever interface the change came through.
    """

    class Triage(models.TextChoices):
        OPEN = "open"
        KNOWN = "known"
        IGNORED = "ignored"

    id = models.UUIDField(primary_key=True, editable=False)
    rules_version = models.IntegerField()
    task_type = models.CharField(max_length=100)
    tool_name = models.CharField(max_length=100, db_default="")
    service = models.CharField(max_length=100, db_default="")
    error_class = models.CharField(max_length=200, db_default="")
    failure_reason = models.TextField()
    pending = models.IntegerField(db_default=0)
    retrying = models.IntegerField(db_default=0)
    resolved = models.IntegerField(db_default=0)
    failures = models.BigIntegerField(db_default=0)
    redrive_succeeded = models.BigIntegerField(db_default=0)
    redrive_failed = models.BigIntegerField(db_default=0)
    cost_usd = models.DecimalField(max_digits=18, decimal_places=9, db_default=Value(0))
    workers = ArrayField(models.CharField(max_length=100), db_default=NO_TEXTS)
    first_seen = models.DateTimeField(db_default=Now())
    last_seen = models.DateTimeField(db_default=Now())
    triage = models.CharField(max_length=20, choices=Triage, db_default=Triage.OPEN)
    ignored_until = models.DateTimeField(null=True, blank=True)
    ignored_until_failures = models.BigIntegerField(null=True, blank=True)
    ignored_until_per_hour = models.IntegerField(null=True, blank=True)
    note = models.TextField(db_default="")
    triaged_by = models.CharField(max_length=160, db_default="")
    triaged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "failure_signatures"
        permissions: ClassVar = [("triage_failuresignature", "Can triage groups of dead letters")]
        indexes: ClassVar = [
            # Read by the page of groups: those with open letters, the freshest first.
            models.Index(
                fields=["-last_seen"],
                name="signature_open",
                condition=Q(pending__gt=0) | Q(retrying__gt=0),
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="signature_counts_positive",
                condition=Q(pending__gte=0, retrying__gte=0, resolved__gte=0, cost_usd__gte=0),
            ),
            models.CheckConstraint(
                name="signature_triage_known", condition=Q(triage__in=["open", "known", "ignored"])
            ),
        ]

    def __str__(self) -> str:
        return self.failure_reason[:100]


class FailureHour(models.Model):
    """How often a group failed in one hour: the trend of a signature."""

    pk = models.CompositePrimaryKey("signature_id", "hour")
    signature = models.ForeignKey(
        FailureSignature, on_delete=models.CASCADE, related_name="hours", db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    failures = models.IntegerField(db_default=0)

    class Meta:
        db_table = "failure_signature_hours"

    def __str__(self) -> str:
        return f"{self.failures} at {self.hour:%Y-%m-%d %H}:00"


class DeadLetter(models.Model):
    """A failed task that needs a person (`dead_letter_queue`).

        pending ──retry──► retrying ──task completes──► resolved
          │ ▲                 │
          │ └──fails again────┘
          └──resolve, or a person ends the task──► resolved

    It is born in the transaction that fails its task. Its task's `dead_letter_id` names it as long as
    it is open (pending or retrying), and only then; constraints hold both directions. `failure_reason`
    is the error with its varying parts taken out, so that it groups; `error_message` is the text as it
    was. `attempts` lists the runs that ended badly, `history` the retries and what came of them.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RETRYING = "retrying"
        RESOLVED = "resolved"

    class Cause(models.TextChoices):
        """Why the task was given up."""

        ATTEMPTS = "attempts", "attempts used up"
        PERMANENT = "permanent", "permanent error"
        CRASHES = "crashes", "killed its worker"
        DEADLINE = "deadline", "deadline passed"
        DENIED = "denied"
        OPERATOR = "operator", "moved by an operator"

    class Outcome(models.TextChoices):
        """How it was resolved."""

        COMPLETED = "completed", "completed when retried"
        RESOLVED = "resolved", "resolved by an operator"
        ENDED = "ended", "its task was ended by an operator"

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dead_letters")
    status = models.CharField(max_length=20, choices=Status, db_default=Status.PENDING)
    cause = models.CharField(max_length=20, choices=Cause, db_default=Cause.OPERATOR)
    task_type = models.CharField(max_length=100, db_default="")
    worker_id = models.CharField(max_length=64, db_default="")
    tool_name = models.CharField(max_length=100, db_default="")
    service = models.CharField(max_length=100, db_default="")
    error_class = models.CharField(max_length=200, db_default="")
    error_message = models.TextField(db_default="")
    failure_reason = models.TextField(db_default="", editable=False)
    rules_version = models.IntegerField(db_default=0, editable=False)
    signature = models.ForeignKey(
        FailureSignature, on_delete=models.PROTECT, related_name="letters", db_index=False
    )
    cost_usd = models.DecimalField(max_digits=18, decimal_places=9, db_default=Value(0))
    snapshot = JsonField(db_default=EMPTY_OBJECT)
    attempts = JsonField(db_default=EMPTY_LIST)
    history = JsonField(db_default=EMPTY_LIST)
    retries = models.IntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    failed_at = models.DateTimeField(db_default=Now())
    retried_at = models.DateTimeField(null=True, blank=True)
    retried_by = models.CharField(max_length=160, db_default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=160, db_default="")
    resolution = models.TextField(db_default="")
    outcome = models.CharField(max_length=20, choices=Outcome, db_default="", blank=True)
    open_task_id = models.GeneratedField(
        expression=Case(When(~Q(status="resolved"), then="task_id"), default=None),
        output_field=models.UUIDField(null=True),
        db_persist=True,
    )

    class Meta:
        db_table = "dead_letter_queue"
        permissions: ClassVar = [
            ("retry_deadletter", "Can retry dead letters"),
            ("resolve_deadletter", "Can resolve dead letters"),
            ("move_deadletter", "Can move tasks to the dead letters"),
        ]
        indexes: ClassVar = [
            # Read by the lists of what needs a person and of what is tried again.
            models.Index(
                "status", "id", name="letter_of_state", condition=Q(status__in=["pending", "retrying"])
            ),
            # Read by the page of a group and by a retry of all its letters.
            models.Index("signature", "status", "id", name="letter_signature"),
            # Read by the runbook's list of the newest.
            models.Index(fields=["-created_at"], name="letter_newest"),
        ]
        constraints: ClassVar = [
            # A task has at most one open letter; target of the task's own reference.
            models.UniqueConstraint("open_task_id", name="letter_one_open_per_task"),
            models.UniqueConstraint(fields=["id", "open_task_id"], name="letter_of_its_task"),
            models.CheckConstraint(
                name="letter_status_known", condition=Q(status__in=["pending", "retrying", "resolved"])
            ),
            models.CheckConstraint(
                name="letter_cause_known",
                condition=Q(cause__in=["attempts", "permanent", "crashes", "deadline", "denied", "operator"]),
            ),
            # A resolved letter says when and how, an open one has neither.
            models.CheckConstraint(
                name="letter_resolved_says_how",
                condition=(
                    Q(status="resolved", resolved_at__isnull=False) & ~Q(outcome="")
                    | ~Q(status="resolved") & Q(resolved_at__isnull=True, outcome="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.failure_reason[:80]} ({self.id})"
