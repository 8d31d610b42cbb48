"""What mends a finding, by each of the three interfaces: a command, a call of the API, a button of the
console.

A remedy whose verb is a service has all three. What only somebody at the machine can do (start a process,
migrate, set a variable) has the command alone, and says what it does.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.urls import reverse

# Whoever carries a remedy out writes the reason of the case over it.
REASON = "found by diagnose"


@dataclass(frozen=True)
class ApiCall:
    """A request of the API; `path` begins with `/api`."""

    method: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = f"{self.method} {self.path}"
        return f"{said} {json.dumps(dict(self.body))}" if self.body else said


@dataclass(frozen=True)
class Button:
    """A page of the console that asks before it does anything. With `fields` it is reached by a POST, as an
    action of a list is; else it is a link. `permission` is what pressing it needs."""

    label: str
    address: str
    permission: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Remedy:
    """`says` what it does. `command` is a line for the shell, in the project's folder."""

    says: str
    command: str
    api: ApiCall | None = None
    button: Button | None = None


def at_machine(says: str, command: str) -> Remedy:
    """What nobody but an operator at the machine can do."""
    return Remedy(says, command)


# ------------------------------------------------------------------------------------------- the verbs


def reset_breaker(name: str) -> Remedy:
    return Remedy(
        "Close it, once the service is well again.",
        _manage("reset_breaker", name, "--reason", REASON),
        ApiCall("POST", f"/api/breakers/{name}/reset", {"reason": REASON}),
        _breaker_button("reset", name, "Reset"),
    )


def restore_breaker(name: str) -> Remedy:
    return Remedy(
        "Let it decide by itself again.",
        _manage("set_breaker", name, "--restore", "--reason", REASON),
        ApiCall("POST", f"/api/breakers/{name}/restore", {"reason": REASON}),
        _breaker_button("restore", name, "Restore"),
    )


def tolerate(name: str, *, failure_threshold: int, reset_timeout: float) -> Remedy:
    """Open later, and try again after `reset_timeout` seconds."""
    threshold, timeout = str(failure_threshold), f"{reset_timeout:g}"
    return Remedy(
        f"Be more tolerant: open at {threshold} failures in a row, probe after {timeout} s.",
        _manage(
            "set_breaker", name, "--failure-threshold", threshold, "--reset-timeout", timeout,
            "--reason", REASON,
        ),
        ApiCall(
            "PATCH", f"/api/breakers/{name}",
            {"failure_threshold": failure_threshold, "reset_timeout": reset_timeout, "reason": REASON},
        ),
        Button(
            "Settings",
            reverse("admin:reliability_circuitbreaker_set_this", args=[quote(name)]),
            "reliability.change_circuitbreaker",
        ),
    )  # fmt: skip


def resume_worker(worker: str) -> Remedy:
    return Remedy(
        f"Let {worker} take tasks again.",
        _manage("resume", worker, "--reason", REASON),
        ApiCall("POST", f"/api/workers/{worker}/resume", {"reason": REASON}),
        Button(
            f"Resume {worker}",
            reverse("admin:governance_worker_changelist"),
            "governance.change_worker",
            {"action": "resume_chosen", ACTION_CHECKBOX_NAME: worker},
        ),
    )


def resume_fleet() -> Remedy:
    return Remedy(
        "Let all workers take tasks again.",
        _manage("resume", "--fleet", "--reason", REASON),
        ApiCall("POST", "/api/fleet/resume", {"reason": REASON}),
        Button(
            "Resume the fleet",
            reverse("admin:governance_fleet_resume_this", args=["FLEET"]),
            "governance.pause_fleet",
        ),
    )


def raise_limits(scope: str) -> Remedy:
    return Remedy(
        "Double its limits; what waits for it goes on.",
        _manage("set_budget", scope, "--raise", "--reason", REASON),
        ApiCall("POST", f"/api/budgets/{scope}/raise", {"reason": REASON}),
        Button(
            f"Raise limits of {scope}",
            reverse("admin:governance_workerbudget_raise_this", args=[quote(scope)]),
            "governance.change_workerbudget",
        ),
    )


def halve_limits(workers: list[str]) -> Remedy:
    """Send less: half the money, from the next call on."""
    return Remedy(
        f"Send less for a while: halve the budgets of {', '.join(workers)}.",
        _manage("set_budget", *workers, "--halve", "--reason", REASON),
        ApiCall("POST", "/api/budgets/halve", {"scopes": workers, "reason": REASON}),
        Button(
            f"Halve limits of {workers[0]}",
            reverse("admin:governance_workerbudget_halve_this", args=[quote(workers[0])]),
            "governance.change_workerbudget",
        ),
    )


def grant(worker: str, tool: str) -> Remedy:
    named = urlencode({"worker": worker, "tool": tool})
    return Remedy(
        f"Allow {worker} to use {tool}.",
        _manage("grant", worker, tool, "--reason", REASON),
        ApiCall("POST", "/api/permissions/grant", {"worker_id": worker, "tool_name": tool, "reason": REASON}),
        Button(
            "Grant",
            f"{reverse('admin:governance_toolpermission_add')}?{named}",
            "governance.grant_toolpermission",
        ),
    )


def terminate(task: str) -> Remedy:
    reason = "excessive runtime"
    return Remedy(
        "End the oldest of them as failed.",
        _manage("terminate_task", task, "--reason", reason),
        ApiCall("POST", f"/api/tasks/{task}/terminate", {"reason": reason}),
        Button(
            "Terminate the oldest",
            reverse("admin:governance_task_terminate_this", args=[task]),
            "governance.terminate_task",
        ),
    )


def move_to_dlq(task: str) -> Remedy:
    reason = "no sign of life for 30 minutes"
    return Remedy(
        "Give the oldest of them up, for a person to look at.",
        _manage("move_to_dlq", task, "--reason", reason),
        ApiCall("POST", f"/api/tasks/{task}/move-to-dlq", {"reason": reason}),
        Button(
            "Move the oldest to the dead letters",
            reverse("admin:governance_task_move_this", args=[task]),
            "governance.move_deadletter",
        ),
    )


def retry_group(group: str) -> Remedy:
    return Remedy(
        "If it was transient: retry its letters, a few first; it stops by itself if they fail again.",
        _manage("retry_dlq", "--group", group, "--detach", "--reason", REASON),
        ApiCall("POST", "/api/dlq/retry", {"filter": {"signature": group}, "reason": REASON}),
        Button(
            "Retry the group",
            reverse("admin:governance_failuresignature_retry_group", args=[group]),
            "governance.retry_deadletter",
        ),
    )


def resolve_group(group: str) -> Remedy:
    note = "root cause fixed"
    return Remedy(
        "If its cause is mended and the tasks are not needed: close its letters.",
        _manage("resolve_dlq", "--group", group, "--note", note),
        ApiCall("POST", "/api/dlq/resolve", {"filter": {"signature": group}, "note": note}),
        Button(
            "Resolve the group",
            reverse("admin:governance_failuresignature_resolve_group", args=[group]),
            "governance.resolve_deadletter",
        ),
    )


def look_at_ledger() -> Remedy:
    return Remedy(
        "Compare its lines with the provider's bill; `correct_cost` books a correction.",
        _manage("costs"),
        ApiCall("GET", "/api/costs/lines"),
        Button("Ledger", reverse("admin:governance_costline_changelist"), "governance.view_costline"),
    )


def _breaker_button(verb: str, name: str, label: str) -> Button:
    address = f"{reverse('dashboards:breaker_verb', args=[verb])}?{urlencode({'name': name})}"
    return Button(f"{label} {name}", address, "reliability.change_circuitbreaker")


def _manage(command: str, *arguments: str) -> str:
    return " ".join(["python manage.py", command, *map(shlex.quote, arguments)])
