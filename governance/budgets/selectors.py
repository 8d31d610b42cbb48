"""The questions that API and commands ask about budgets."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from governance import budgets
from governance.access.actors import Actor
from governance.budgets import BudgetBalance
from governance.budgets.limits import scopes_known
from governance.errors import BudgetNotFound, TaskNotFound
from governance.models import Task, WorkerBudget
from governance.models.budget import FLEET
from governance.pagination import Row

PERMISSION = "governance.view_workerbudget"
_TASK = "task:"
_LIMITS = ("daily_limit", "weekly_limit", "monthly_limit", "timezone")


def listed(*, actor: Actor) -> list[Row]:
    """Every budget, the fleet's first: limits, time zone, and how its windows stand now."""
    actor.require(PERMISSION)
    return _budgets(scopes_known())


def one(scope: str, *, actor: Actor) -> Row:
    """The budget of a worker, FLEET, or `task:<id>`: the envelope of a task. Raises `BudgetNotFound`."""
    actor.require(PERMISSION)
    if scope.startswith(_TASK):
        return _envelope(scope)
    known = scopes_known()
    if scope not in known:
        raise BudgetNotFound(scope, [*known, f"{_TASK}<id>"])
    return _budgets([scope])[0]


def of_task(task_id: UUID, *, actor: Actor) -> list[Row]:
    """The windows that the task's next call counts in: its envelopes and those above it, its worker's, the
    fleet's. Raises `TaskNotFound`."""
    actor.require(PERMISSION)
    return [window(found) for found in _windows_of(task_id)]


def window(found: BudgetBalance) -> dict[str, Any]:
    """A window as it is told, with what is left of it."""
    return asdict(found) | {"free_usd": found.free_usd}


def _windows_of(task_id: UUID) -> list[BudgetBalance]:
    worker_id = Task.objects.filter(pk=task_id).values_list("assigned_worker", flat=True).first()
    if worker_id is None:
        raise TaskNotFound(task_id)
    return budgets.balance(worker_id, task_id=task_id)


def _envelope(scope: str) -> Row:
    try:
        found = _windows_of(UUID(scope.removeprefix(_TASK)))
    except (ValueError, TaskNotFound):
        found = []
    if windows := [window(each) for each in found if each.scope == scope.lower()]:
        return {"scope": windows[0]["scope"], "windows": windows}
    raise BudgetNotFound(scope, [*scopes_known(), f"{_TASK}<id> of a task with max_cost_usd"])


def _budgets(scopes: list[str]) -> list[Row]:
    """The zone of a budget without a row of its own, or without one at all, is the fleet's, or UTC."""
    rows = {row["worker_id"]: row for row in WorkerBudget.objects.values("worker_id", *_LIMITS)}
    fleet = {"timezone": rows.get(FLEET, {"timezone": "UTC"})["timezone"]}
    unlimited = dict.fromkeys(_LIMITS[:3])
    windows = budgets.list_balances(scopes)
    return [
        {"scope": scope}
        | {name: rows.get(scope, unlimited | fleet)[name] for name in _LIMITS}
        | {"windows": [window(found) for found in windows[scope]]}
        for scope in scopes
    ]
