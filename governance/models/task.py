"""The task: what is to be done, by whom, how far it is, and who holds it at the moment."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Now

from governance.models.defaults import EMPTY_OBJECT, SqlUser, TimeOrderedId
from governance.models.json_field import JsonField

MAX_PRIORITY = 100


class Status(models.TextChoices):
    """Where a task stands. The edges between these are the functions of `governance.tasks.transitions`."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    PARKED = "parked"
    WAITING_APPROVAL = "waiting_approval"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
LIVE = (Status.PENDING, Status.IN_PROGRESS, Status.PARKED, Status.WAITING_APPROVAL)


class UtcTimestampField(models.DateTimeField):
    """A time in UTC stored without a zone: the only kind that PostgreSQL computes in a generated column."""

    def db_type(self, connection: object) -> str:
        return "timestamp without time zone"


class ClaimRank(models.Func):
    """When the task would have been due had it no priority: a point of priority is a minute of waiting.

    Claims take the lowest rank first. Rank never changes while a task waits, so everything that waits
    long enough comes first: nothing starves, and no job has to age rows.
    """

    template = "(((run_after AT TIME ZONE 'UTC') - priority * interval '1 minute'))"
    arity = 0
    output_field = UtcTimestampField()


class Task(models.Model):
    """One unit of work (`governance_tasks`).

        submit ──► pending ──claim──► in_progress ──complete──► completed
          │          ▲ ▲                │ │ │ │
          │          │ └─retry_later────┘ │ │ └──fail / terminate──► failed
          │          │   give_back, rescue│ └─park─► waiting_approval  │
          │          │◄───release─────────│─────────────┘              │
          └► parked ─┘◄──────park─────────┤                            │
             (release)                    └──cancel──► cancelled       │
                     ▲                                    │            │
                     └───────────────retry (fresh attempts)────────────┘

    `pending` with a future `run_after` is not due yet. `parked` and `waiting_approval` wait for what
    `waiting_for` names; `wait` says it to reliability (`governance.tasks.waits`), null for dependencies and
    for what an operator parked in SQL: nothing but an operator ends that.
    `cancel`, `terminate` and the deadline reach a task in every live state. Only
    `governance.tasks.transitions` writes `status`; an edit made in SQL is obeyed and recorded by trigger.

    Attempts: `attempts` counts the runs that were started, `error_attempts` those that ended in an
    error (at most `max_attempts`), `crash_attempts` those whose process died (at most three).
    `failure` says why reliability gave the task up (`cause`, `error_class`, and `tool_name` and
    `service` where one was called); `dead_letter_id` is its open dead letter. Money is USD. Times are
    UTC. `timeout_seconds` bounds one attempt, `deadline` the whole task.
    """

    Status = Status

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    title = models.CharField(max_length=200, db_default="")
    task_type = models.CharField(max_length=100)
    payload = JsonField(db_default=EMPTY_OBJECT)
    priority = models.SmallIntegerField(db_default=0)
    status = models.CharField(max_length=20, choices=Status, db_default=Status.PENDING)
    waiting_for = models.CharField(max_length=500, db_default="")
    wait = JsonField(null=True, blank=True, editable=False)
    assigned_worker = models.CharField(max_length=64, db_default="EXECUTOR")
    attempts = models.IntegerField(db_default=0)
    error_attempts = models.IntegerField(db_default=0)
    crash_attempts = models.IntegerField(db_default=0)
    max_attempts = models.IntegerField(db_default=3)
    run_after = models.DateTimeField(db_default=Now())
    rank = models.GeneratedField(expression=ClaimRank(), output_field=UtcTimestampField(), db_persist=True)
    deadline = models.DateTimeField(null=True, blank=True)
    timeout_seconds = models.IntegerField(db_default=300)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children", db_index=False
    )
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 (null = none)
    submission_digest = models.CharField(max_length=64, db_default="", editable=False)
    max_cost_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    result = JsonField(null=True, blank=True)
    error_message = models.TextField(db_default="")
    failure = JsonField(null=True, blank=True, editable=False)
    dead_letter_id = models.UUIDField(null=True, blank=True, editable=False)
    created_by = models.CharField(max_length=160, db_default=SqlUser())
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.UUIDField(null=True, blank=True, editable=False)
    lease_token = models.BigIntegerField(db_default=0, editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    transitions = models.IntegerField(db_default=0, editable=False)

    class Meta:
        db_table = "governance_tasks"
        permissions: ClassVar = [
            ("cancel_task", "Can cancel tasks"),
            ("terminate_task", "Can terminate tasks"),
            ("retry_task", "Can retry tasks"),
        ]
        indexes: ClassVar = [
            # Read by claim. `rank` stands in no other index, so the planner has no way around this one.
            models.Index("assigned_worker", "rank", name="task_claim", condition=Q(status=Status.PENDING)),
            # Read by renewal, rescue and the runbook's "stuck" and "long-running" queries. It names no
            # column that a renewal changes, so renewals stay HOT updates.
            models.Index("assigned_worker", name="task_running", condition=Q(status=Status.IN_PROGRESS)),
            # Read by the release of dependents and by the console's list of what waits.
            models.Index("id", name="task_parked", condition=Q(status=Status.PARKED)),
            # Read by the lists of what waits for a person.
            models.Index("id", name="task_waiting_approval", condition=Q(status=Status.WAITING_APPROVAL)),
            # Read by the releases of what waits, each for its own cause.
            models.Index(
                KT("wait__kind"), KT("wait__name"), "id", name="task_wait", condition=Q(wait__isnull=False)
            ),
            # Read by the list of what waits for one thing.
            models.Index("waiting_for", "id", name="task_waiting_for", condition=~Q(waiting_for="")),
            # Read by the claim of suspects: tasks whose process died under them twice.
            models.Index(
                "assigned_worker",
                name="task_suspect",
                condition=Q(status=Status.PENDING, crash_attempts__gte=2),
            ),
            # Read by the watchdog's search for waiting tasks that are too late.
            models.Index(
                "deadline",
                name="task_deadline",
                condition=Q(
                    status__in=[Status.PENDING, Status.PARKED, Status.WAITING_APPROVAL],
                    deadline__isnull=False,
                ),
            ),
            # Read by the lists of what ended badly: a few of one state are not sought among all of the other.
            models.Index(
                "status",
                "id",
                name="task_ended_how",
                condition=Q(status__in=[Status.FAILED, Status.CANCELLED]),
            ),
            # Read by the lists filtered by type.
            models.Index("task_type", "id", name="task_type_id"),
            # Read by the foreign key and the page of a parent.
            models.Index("parent", name="task_parent", condition=Q(parent__isnull=False)),
        ]
        constraints: ClassVar = [
            # The same client's same key is the same task.
            models.UniqueConstraint(
                fields=["created_by", "idempotency_key"],
                name="task_idempotency",
                condition=Q(idempotency_key__isnull=False),
            ),
            models.CheckConstraint(name="task_status_known", condition=Q(status__in=Status.values)),
            # Who runs a task holds a lease on it, and nobody else does.
            models.CheckConstraint(
                name="task_lease_while_in_progress",
                condition=Q(
                    status=Status.IN_PROGRESS, lease_owner__isnull=False, lease_expires_at__isnull=False
                )
                | (
                    ~Q(status=Status.IN_PROGRESS) & Q(lease_owner__isnull=True, lease_expires_at__isnull=True)
                ),
            ),
            # A task has an end time exactly when it has ended.
            models.CheckConstraint(
                name="task_completed_at_when_ended",
                condition=Q(status__in=TERMINAL, completed_at__isnull=False)
                | (~Q(status__in=TERMINAL) & Q(completed_at__isnull=True)),
            ),
            # Nothing is parked without a word why.
            models.CheckConstraint(
                name="task_parked_says_why", condition=~Q(status=Status.PARKED) | ~Q(waiting_for="")
            ),
            # What a task waits for ends with its waiting.
            models.CheckConstraint(
                name="task_wait_while_waiting",
                condition=Q(wait__isnull=True) | Q(status__in=[Status.PARKED, Status.WAITING_APPROVAL]),
            ),
            models.CheckConstraint(
                name="task_priority_range", condition=Q(priority__gte=0, priority__lte=MAX_PRIORITY)
            ),
            models.CheckConstraint(name="task_max_attempts_positive", condition=Q(max_attempts__gte=1)),
            models.CheckConstraint(name="task_timeout_positive", condition=Q(timeout_seconds__gte=1)),
            # Every run that ended in an error or a crash was counted when it started.
            models.CheckConstraint(
                name="task_attempts_add_up",
                condition=Q(
                    error_attempts__gte=0,
                    crash_attempts__gte=0,
                    attempts__gte=F("error_attempts") + F("crash_attempts"),
                ),
            ),
            models.CheckConstraint(
                name="task_max_cost_positive",
                condition=Q(max_cost_usd__isnull=True) | Q(max_cost_usd__gte=Value(0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title or self.task_type} ({self.id})"

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL


class TaskDependency(models.Model):
    """`task` may start only when `depends_on` has completed."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dependencies")
    depends_on = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dependents")

    class Meta:
        db_table = "task_dependencies"
        constraints: ClassVar = [
            models.UniqueConstraint("task", "depends_on", name="dependency_once"),
            models.CheckConstraint(name="dependency_on_another", condition=~Q(task=F("depends_on"))),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} after {self.depends_on_id}"
