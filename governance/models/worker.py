"""Workers: the named ones that tasks are assigned to, and the processes that do their work."""

from collections.abc import Sequence
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from governance.models.defaults import TimeOrderedId

ANY_TASK_TYPE = "*"


def includes(capabilities: Sequence[str], task_type: str) -> bool:
    """Whether a worker with these capabilities may run this task type."""
    return ANY_TASK_TYPE in capabilities or task_type in capabilities


class Worker(models.Model):
    """A named worker (`worker_registry`): EXECUTOR, ANALYST, STRATEGIST, ORCHESTRATOR, WATCHDOG or yours.

    `capabilities` are the task types it may run (`*` = all). `max_concurrency` is the number of its
    tasks that one process runs at a time. A paused worker is given nothing new. `instructions` are told
    to the models of its agents, after the system's own.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    worker_id = models.CharField(max_length=64, primary_key=True)
    status = models.CharField(max_length=20, choices=Status, db_default=Status.ACTIVE)
    description = models.CharField(max_length=200, db_default="")
    instructions = models.TextField(db_default="", blank=True)
    capabilities = ArrayField(
        models.CharField(max_length=100),
        db_default=Value([], output_field=ArrayField(models.CharField(max_length=100))),
    )
    max_concurrency = models.IntegerField(db_default=100)
    last_heartbeat = models.DateTimeField(null=True, blank=True)
    version = models.CharField(max_length=50, db_default="")

    class Meta:
        db_table = "worker_registry"
        constraints: ClassVar = [
            models.CheckConstraint(name="worker_status_known", condition=Q(status__in=["active", "paused"])),
            models.CheckConstraint(name="worker_concurrency_positive", condition=Q(max_concurrency__gte=1)),
        ]

    def __str__(self) -> str:
        return self.worker_id

    def can_run(self, task_type: str) -> bool:
        return includes(self.capabilities, task_type)


class WorkerProcess(models.Model):
    """One living operating-system process of a worker. Its `process_id` is what leases name as owner.

    `machine` names the boot and the process namespace in which `pid` has a meaning. `rss_bytes` is its
    resident memory at the last heartbeat, `rss_at_start_bytes` at its first.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        DRAINING = "draining"

    process_id = models.UUIDField(primary_key=True, db_default=TimeOrderedId())
    worker_ids = ArrayField(models.CharField(max_length=64))
    state = models.CharField(max_length=20, choices=State, db_default=State.RUNNING)
    host = models.CharField(max_length=255)
    machine = models.CharField(max_length=100, db_default="")
    pid = models.IntegerField()
    started_at = models.DateTimeField(db_default=Now())
    last_seen = models.DateTimeField(db_default=Now())
    in_flight = models.IntegerField(db_default=0)
    finished = models.BigIntegerField(db_default=0)
    rss_bytes = models.BigIntegerField(db_default=0)
    rss_at_start_bytes = models.BigIntegerField(db_default=0)
    version = models.CharField(max_length=50, db_default="")

    class Meta:
        db_table = "worker_processes"
        verbose_name_plural = "worker processes"

    def __str__(self) -> str:
        return f"{'/'.join(self.worker_ids)} on {self.host}, pid {self.pid}"


class Fleet(models.Model):
    """All workers together (`fleet`): one row, named FLEET. While it is paused nobody is given anything new,
    and no running task makes another call.

    Who paused it, why and when is filled in by the database, whoever did it and through whichever interface.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    name = models.CharField(max_length=10, primary_key=True, db_default="FLEET")
    status = models.CharField(max_length=20, choices=Status, db_default=Status.ACTIVE)
    paused_by = models.CharField(max_length=160, db_default="")
    reason = models.TextField(db_default="")
    paused_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "fleet"
        verbose_name_plural = "fleet"
        permissions: ClassVar = [("pause_fleet", "Can pause and resume the fleet")]
        constraints: ClassVar = [
            models.CheckConstraint(name="fleet_is_one", condition=Q(name="FLEET")),
            models.CheckConstraint(name="fleet_status_known", condition=Q(status__in=["active", "paused"])),
            models.CheckConstraint(
                name="fleet_paused_says_when",
                condition=Q(status="paused", paused_at__isnull=False)
                | Q(status="active", paused_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.status}"
