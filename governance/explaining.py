"""Why a task is not running: the rows that `why` is told, read for the console, the API and commands."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from governance import budgets, why, worker_control
from governance.actors import Actor
from governance.errors import TaskNotFound
from governance.models import Task, Worker, WorkerProcess
from governance.paging import Row
from governance.waits import WaitKind

# More of them are not looked at: the sentence names a few.
_UNMET_READ = 100


def of_task(task_id: UUID, *, actor: Actor) -> Row:
    """How the task stands, and the sentence; empty if it runs as it should, or has ended. Raises
    `TaskNotFound`."""
    actor.require("governance.view_task")
    task = Task.objects.filter(pk=task_id).first()
    if task is None:
        raise TaskNotFound(task_id)
    return {
        "id": task.pk,
        "status": task.status,
        "waiting_for": task.waiting_for,
        "wait": task.wait,
        "why": sentence(task, unmet=_unmet(task), now=timezone.now()),
    }


def sentence(task: Task, *, unmet: Sequence[Task], now: datetime) -> str:
    """Why it is not running; `unmet` are the tasks it depends on that have not completed."""
    if task.is_terminal:
        return ""
    return why.not_running(
        task,
        worker=Worker.objects.filter(pk=task.assigned_worker).first(),
        processes=list(WorkerProcess.objects.filter(worker_ids__contains=[task.assigned_worker])),
        unmet=unmet,
        now=now,
        fleet=worker_control.fleet(),
        standing=_standing(task),
    )


def _unmet(task: Task) -> list[Task]:
    needed = Task.objects.filter(dependents__task=task).exclude(status=Task.Status.COMPLETED)
    return list(needed.order_by("-pk")[:_UNMET_READ])


def _standing(task: Task) -> list[budgets.Standing]:
    """The budgets of its next call, if it waits for one of them."""
    if not task.wait or task.wait["kind"] != WaitKind.BUDGET:
        return []
    return budgets.standing(task.assigned_worker, task_id=task.pk)
