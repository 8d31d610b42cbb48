"""The first page of the console: health, what needs a person, running work. Numbers are links.

Each part is asked only for who may see it, and no count goes further than the list that it leads to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from governance import budgets
from governance.access import approvals
from governance.db import uuid7
from governance.models import AuditEntry, DeadLetter, FailureSignature, Task, WorkerBudget
from governance.models.budget import FLEET
from juggernaut.console.dashboards import cost_page
from juggernaut.console.lists.read_only import LISTED
from juggernaut.console.pages.costs import budget_bars
from juggernaut.console.pages.dead_letters import trends
from monitoring.alerts import selectors
from monitoring.health import report as health
from reliability.breakers.models import CircuitBreaker

DAY = timedelta(hours=24)
SHOWN = 5
_REFUSING = Q(mode="forced_open") | (Q(state="open") & ~Q(mode="disabled"))
_OPEN_LETTERS = (DeadLetter.Status.PENDING, DeadLetter.Status.RETRYING)
# Where to look when a part of the system is not well.
_PLACES = {
    "workers": ("admin:governance_worker_changelist", "governance.view_worker"),
    "watchdog": ("admin:reliability_watchdogsweep_changelist", "reliability.view_watchdogsweep"),
    "queue": ("admin:governance_task_changelist", "governance.view_task"),
    "breakers": ("dashboards:breakers", "reliability.view_circuitbreaker"),
    "budgets": ("admin:governance_workerbudget_changelist", "governance.view_workerbudget"),
}


@dataclass(frozen=True)
class Number:
    """A count and the list that it counts. `tone` colours what somebody should look at."""

    name: str
    count: int
    address: str
    tone: str = ""

    @property
    def said(self) -> str:
        return f"{LISTED:,}+" if self.count >= LISTED else f"{self.count:,}"


@dataclass(frozen=True)
class Part:
    """A part of the system: how it is, and where to look."""

    name: str
    status: str
    detail: str
    address: str


def context(user: Any) -> dict[str, Any]:
    """Everything that the page's template names."""
    now, found = timezone.now(), health.report()
    known: dict[str, Any] = {
        "title": "Overview",
        "health": found["status"],
        "parts": [_part(name, found[name], user) for name in ("database", "redis", *_PLACES)],
        "waiting": [], "work": [],
    }  # fmt: skip
    for permission, ask in _ASKED:
        if user.has_perm(permission):
            for name, value in ask(found, now).items():
                known[name] = known[name] + value if name in ("waiting", "work") else value
    return known


def _part(name: str, entry: dict[str, Any], user: Any) -> Part:
    place, permission = _PLACES.get(name, ("", ""))
    address = reverse(place) if place and user.has_perm(permission) else ""
    return Part(name, entry["status"], entry["detail"], address)


def _listed(model: str, query: str = "") -> str:
    return reverse(f"admin:{model}_changelist") + query


# ------------------------------------------------------------------------------------- what is asked for whom


def _letters(found: health.Report, now: datetime) -> dict[str, Any]:
    count = DeadLetter.objects.filter(status__in=_OPEN_LETTERS).values("pk")[:LISTED].count()
    address = _listed("governance_deadletter", "?status=pending,retrying")
    return {"waiting": [Number("open dead letters", count, address, "bad" if count else "")]}


def _groups(found: health.Report, now: datetime) -> dict[str, Any]:
    seen = FailureSignature.objects.filter(Q(pending__gt=0) | Q(retrying__gt=0))
    seen = seen.exclude(triage=FailureSignature.Triage.IGNORED)
    count = seen.values("pk")[:LISTED].count()
    groups = list(seen.order_by("-last_seen", "-pk")[:SHOWN])
    drawn = trends.of((group.pk for group in groups), now=now)
    address = _listed("governance_failuresignature")
    return {
        "waiting": [Number("kinds of failure", count, address, "bad" if count else "")],
        "groups": [(group, drawn[group.pk].drawn()) for group in groups],
        "groups_known": True,
    }


def _alerts(found: health.Report, now: datetime) -> dict[str, Any]:
    count = selectors.count_open()
    return {
        "waiting": [Number("open alerts", count, _listed("monitoring_alert", "?state=open"), _held(count))]
    }


def _approvals(found: health.Report, now: datetime) -> dict[str, Any]:
    count = approvals.count_waiting(at_most=LISTED)
    return {
        "waiting": [Number("calls wait for approval", count, _listed("governance_approval"), _held(count))]
    }


def _breakers(found: health.Report, now: datetime) -> dict[str, Any]:
    count = CircuitBreaker.objects.filter(_REFUSING).count()
    tone = "bad" if count else ""
    return {"waiting": [Number("breakers refuse calls", count, reverse("dashboards:breakers"), tone)]}


def _budgets(found: health.Report, now: datetime) -> dict[str, Any]:
    scopes = WorkerBudget.objects.values_list("pk", flat=True)
    windows = [window for of_one in budgets.list_balances(scopes, at=now).values() for window in of_one]
    nearly = {window.scope for window in windows if window.is_used_to(cost_page.NEARLY)}
    address = _listed("governance_workerbudget", "?use=80")
    return {
        "waiting": [Number("budgets at 80 % or more", len(nearly), address, _held(len(nearly)))],
        "fleet": [(window, budget_bars.bar(window)) for window in windows if window.scope == FLEET],
    }


def _held(count: int) -> str:
    return "held" if count else ""


def _tasks(found: health.Report, now: datetime) -> dict[str, Any]:
    failed = Task.objects.filter(uuid7.created_within(Task, now - DAY, None), status=Task.Status.FAILED)
    running = Task.objects.filter(status=Task.Status.IN_PROGRESS).order_by("started_at")
    queue, tasks = found["queue"], "governance_task"
    states = [
        Number(state.replace("_", " "), queue[state], _listed(tasks, f"?status={state}"))
        for state in ("pending", "in_progress", "parked")
        if state in queue
    ]
    last_day = failed.values("pk")[:LISTED].count()
    address = _listed(tasks, "?status=failed&created=24h")
    return {
        "work": [*states, Number("failed, created in the last 24 hours", last_day, address)],
        "running": list(running.only("title", "task_type", "assigned_worker", "started_at")[:SHOWN]),
        "running_known": True,
    }


def _deeds(found: health.Report, now: datetime) -> dict[str, Any]:
    return {"changes": list(AuditEntry.objects.order_by("-pk")[:SHOWN]), "changes_known": True}


_ASKED: tuple[tuple[str, Callable[[health.Report, datetime], dict[str, Any]]], ...] = (
    ("monitoring.view_alert", _alerts),
    ("governance.view_deadletter", _letters),
    ("governance.view_failuresignature", _groups),
    ("governance.view_approval", _approvals),
    ("reliability.view_circuitbreaker", _breakers),
    ("governance.view_workerbudget", _budgets),
    ("governance.view_task", _tasks),
    ("governance.view_auditentry", _deeds),
)
