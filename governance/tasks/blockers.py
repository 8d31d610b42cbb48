"""Why a task is not running, as console, API and command say it: `why` told the rows as they are now."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.utils import timezone

from governance import budgets
from governance.access.actors import Actor
from governance.errors import TaskNotFound
from governance.models import Task, Worker, WorkerProcess
from governance.tasks import explain
from governance.tasks.waits import WaitKind
from governance.workers import services as worker_services

# Of what a task depends on, no more is named.
_UNMET = 50


class Blockers(TypedDict):
    """`why` is empty for a task that runs as it should, or has ended; `error_message` says how that went."""

    id: UUID
    status: str
    waiting_for: str
    wait: dict[str, Any] | None
    why: str
    error_message: str


def find_blockers(task_id: UUID, *, actor: Actor) -> Blockers:
    """What keeps this task. Raises `TaskNotFound`, and `Forbidden`."""
    actor.require("governance.view_task")
    task = Task.objects.filter(pk=task_id).first()
    if task is None:
        raise TaskNotFound(task_id)
    return Blockers(
        id=task.pk,
        status=task.status,
        waiting_for=task.waiting_for,
        wait=task.wait,
        why=of(task, now=timezone.now()),
        error_message=task.error_message,
    )


def of(task: Task, *, now: datetime) -> str:
    """The sentence of `why.not_running`."""
    if task.is_terminal:
        return ""
    return explain.not_running(
        task,
        worker=Worker.objects.filter(pk=task.assigned_worker).first(),
        processes=list(WorkerProcess.objects.filter(worker_ids__contains=[task.assigned_worker])),
        unmet=_unmet(task),
        now=now,
        fleet=worker_services.fleet(),
        standing=_standing(task),
    )


def _unmet(task: Task) -> list[Task]:
    """What it depends on and has not completed, if that may be what it waits for."""
    if task.status != Task.Status.PARKED:
        return []
    needed = Task.objects.filter(dependents__task=task).exclude(status=Task.Status.COMPLETED)
    return list(needed.only("title", "task_type", "status", "created_at").order_by("-pk")[:_UNMET])


def _standing(task: Task) -> list[budgets.BudgetBalance]:
    """The budgets of its next call, if it waits for one of them."""
    if not task.wait or task.wait["kind"] != WaitKind.BUDGET:
        return []
    return budgets.balance(task.assigned_worker, task_id=task.pk)
