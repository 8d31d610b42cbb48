"""Calls, costs and approvals on the page of one task."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet, Sum

from governance import budgets
from governance.models import Approval, BudgetHold, CostLine, Task, ToolExecution
from juggernaut.console.pages.costs import budget_bars

SHOWN = 50
_CALL = (
    "tool_name", "service", "model", "status", "rule", "error_message", "duration_ms", "cost_usd",
    "created_at",
)  # fmt: skip


def context(task: Task, *, may: Any) -> dict[str, object]:
    """The sections whose rows may be seen: `may("costline")`. One query each, but two for money."""
    known: dict[str, object] = {"money_shown": SHOWN}
    if may("toolexecution"):
        calls = ToolExecution.objects.filter(task_id=task.pk).only(*_CALL).order_by("-pk")
        known |= {"calls": list(calls[:SHOWN]), "calls_known": True}
    if may("costline") and may("budgethold"):
        known |= _money(task)
    if may("approval"):
        known["approvals"] = list(_approvals(task.pk)[:SHOWN])
    return known


def _money(task: Task) -> dict[str, object]:
    lines = CostLine.objects.filter(task_id=task.pk)
    sums = lines.aggregate(usd=Sum("cost_usd"), count=Count("pk"))
    envelope = [
        budget_bars.bar(window)
        for window in (budgets.balance("", task_id=task.pk) if task.max_cost_usd is not None else [])
        if window.scope == f"task:{task.pk}"
    ]
    return {
        "spent_usd": sums["usd"] or Decimal(0),
        "line_count": sums["count"],
        "lines": list(lines.order_by("-pk")[:SHOWN]),
        "open_holds": list(
            BudgetHold.objects.filter(task_id=task.pk, state=BudgetHold.State.OPEN).order_by("-pk")[:SHOWN]
        ),
        "envelope": envelope,
        "money_known": True,
    }


def _approvals(task_id: UUID) -> "QuerySet[Approval]":
    return Approval.objects.filter(task_id=task_id).order_by("-pk")
