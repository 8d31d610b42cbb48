"""Workflows as rows: a task whose children are its steps. What is to become of them, its task type decides.

Everything here happens in a transaction that holds the workflow's row (`hold`), fenced by its lease.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from governance.db import notifications, strict_json
from governance.errors import LeaseLost
from governance.models import Task, TaskEvent, WorkflowStep
from governance.tasks import services as tasks
from governance.tasks import transitions
from governance.tasks.schemas import Submission
from governance.tasks.transitions.types import Transition

TYPE = "workflow"


@dataclass(frozen=True, slots=True)
class LockedWorkflow:
    """The workflow that the caller's transaction has locked. `level` is 1 unless it is in another one."""

    id: UUID
    created_by: str
    priority: int
    level: int

    @property
    def actor(self) -> str:
        """Who acts when the workflow moves its steps."""
        return f"workflow:{self.id}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A step to be made. `needs` names the steps before it."""

    name: str
    submission: Submission
    needs: Sequence[str]
    on_failure: str
    needs_inputs: bool


@dataclass(frozen=True, slots=True)
class StepRow:
    """How one step stands."""

    id: UUID
    name: str
    on_failure: str
    needs_inputs: bool
    is_fed: bool
    is_skipped: bool
    status: str
    attempts: int
    max_attempts: int
    error_message: str
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Value:
    """What stands at a place of a step's result. Too large a value is not read."""

    exists: bool
    value: Any
    size: int


_HOLD = """
WITH RECURSIVE held AS MATERIALIZED (
  SELECT id, created_by, priority, parent_id FROM governance_tasks
  WHERE id = %(id)s AND status = 'in_progress' AND lease_token = %(token)s FOR NO KEY UPDATE),
line AS (
  SELECT parent_id, 1 AS level FROM held
  UNION ALL
  SELECT t.parent_id, l.level + (t.task_type = 'workflow')::int
  FROM line l JOIN governance_tasks t ON t.id = l.parent_id)
SELECT held.id, held.created_by, held.priority, (SELECT max(level) FROM line) FROM held"""


def lock(task_id: UUID, *, token: int) -> LockedWorkflow:
    """Lock the workflow until the transaction ends; raises `LeaseLost` if it was taken from its worker."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"id": task_id, "token": token})
        found = cursor.fetchone()
    if found is None:
        raise LeaseLost(task_id)
    return LockedWorkflow(*found)


def is_expanded(workflow: LockedWorkflow) -> bool:
    """Whether its steps have been made."""
    return WorkflowStep.objects.filter(workflow_id=workflow.id).exists()


def expand(workflow: LockedWorkflow, planned: Sequence[Planned]) -> None:
    """Make a child task for every step: pending, or parked for what it needs.

    Raises `InvalidSubmission`, its errors numbered like the steps, if a worker cannot run its step.
    """
    workers = tasks.workers_of([step.submission for step in planned])
    rows = [
        tasks.row(n, step.submission, workers[n], waits_for=_waits_for(step))
        | {"parent_id": str(workflow.id)}
        for n, step in enumerate(planned)
    ]
    receipts = tasks.insert(rows, created_by=workflow.created_by)
    ids = {step.name: receipts[n].id for n, step in enumerate(planned)}
    WorkflowStep.objects.bulk_create(
        WorkflowStep(
            task_id=ids[step.name],
            workflow_id=workflow.id,
            name=step.name,
            position=n,
            on_failure=step.on_failure,
            needs_inputs=step.needs_inputs,
        )
        for n, step in enumerate(planned)
    )
    tasks.link([(ids[step.name], ids[before]) for step in planned for before in step.needs])
    notifications.notify_workers(workers[n] for n, step in enumerate(planned) if not _waits_for(step))


def _waits_for(step: Planned) -> str:
    if step.needs_inputs:
        return transitions.INPUTS
    return transitions.DEPENDENCIES if step.needs else ""


_STEPS = """
SELECT s.task_id, s.name, s.on_failure, s.needs_inputs, s.is_fed, s.is_skipped, t.status, t.attempts,
  t.max_attempts, left(t.error_message, 500), t.completed_at
FROM workflow_steps s JOIN governance_tasks t ON t.id = s.task_id
WHERE s.workflow_id = %s ORDER BY s.position"""


def steps(workflow_id: UUID) -> list[StepRow]:
    """How all its steps stand, in the order in which they were written."""
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, [workflow_id])
        return [StepRow(*row) for row in cursor.fetchall()]


def retried_at(workflow: LockedWorkflow) -> datetime | None:
    """When somebody last brought the workflow back after it had ended."""
    back = TaskEvent.objects.filter(
        task_id=workflow.id, from_status__in=["failed", "cancelled"], to_status__in=["pending", "parked"]
    )
    return back.order_by("-seq").values_list("created_at", flat=True).first()


def retry(workflow: LockedWorkflow, ids: Sequence[UUID], *, reason: str) -> list[Transition]:
    """Give these steps fresh attempts; their inputs are filled in anew."""
    WorkflowStep.objects.filter(task_id__in=ids).update(is_fed=False, is_skipped=False)
    return _ring(transitions.retry(ids, actor=workflow.actor, reason=reason))


def skip(workflow: LockedWorkflow, reasons: dict[UUID, str]) -> list[Transition]:
    """Cancel these steps, which have not begun, because of a step before them."""
    WorkflowStep.objects.filter(task_id__in=list(reasons)).update(is_skipped=True)
    return transitions.skip(reasons, actor=workflow.actor)


def set_inputs(workflow: LockedWorkflow, payloads: dict[UUID, Any]) -> list[Transition]:
    """Let these steps run, each with the payload that was filled in."""
    WorkflowStep.objects.filter(task_id__in=list(payloads)).update(is_fed=True)
    return _ring(transitions.set_inputs(payloads, actor=workflow.actor))


def refuse(workflow: LockedWorkflow, errors: dict[UUID, str]) -> list[Transition]:
    """Fail these steps, which cannot get their inputs, each with a dead letter."""
    return transitions.refuse(errors, actor=workflow.actor)


_VALUES = """
SELECT v.n, v.found IS NOT NULL, CASE WHEN octet_length(v.found::text) <= %(most)s THEN v.found::text END,
  coalesce(octet_length(v.found::text), 0)
FROM (SELECT a.n, t.result #> a.path AS found
      FROM json_to_recordset(%(asked)s) AS a(n int, id uuid, path text[])
      JOIN governance_tasks t ON t.id = a.id AND t.status = 'completed') v"""


def values(asked: Sequence[tuple[UUID, Sequence[str]]], *, most_bytes: int) -> list[Value]:
    """What stands at these places (step's task, path) of the results of completed steps."""
    rows = [{"n": n, "id": str(task), "path": list(path)} for n, (task, path) in enumerate(asked)]
    with connection.cursor() as cursor:
        cursor.execute(_VALUES, {"asked": strict_json.dumps(rows), "most": most_bytes})
        found = {
            n: Value(exists, text and json.loads(text), size) for n, exists, text, size in cursor.fetchall()
        }
    return [found.get(n, Value(False, None, 0)) for n in range(len(rows))]


def _ring(moved: list[Transition]) -> list[Transition]:
    notifications.notify_workers(task.worker_id for task in moved if task.status == Task.Status.PENDING)
    return moved
