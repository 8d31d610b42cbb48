"""Scopes of API tokens: each allows a few permissions of one area.

A scope is `*` (all that the owner may), the name of a role, or `AREA:read` / `AREA:write`, as in
`tasks:write`. Reading is what begins with `view_`; writing is the rest, and does not include reading.
A token may do what its owner may **and** one of its scopes allows. An unknown scope allows nothing.
"""

from collections.abc import Iterable
from functools import lru_cache

from governance.access import roles
from governance.errors import FieldError, InvalidInput

EVERYTHING = "*"
# Every permission of the roles stands in one area.
AREAS: dict[str, tuple[str, ...]] = {
    "tasks": (
        "governance.view_task", "governance.view_taskevent", "governance.view_taskdependency",
        "governance.view_lateresult", "governance.view_workflowstep",
        "governance.add_task", "governance.cancel_task", "governance.terminate_task", "governance.retry_task",
    ),
    "recurring": (
        "governance.view_recurringtask", "governance.view_recurringrun",
        "governance.add_recurringtask", "governance.change_recurringtask", "governance.delete_recurringtask",
    ),
    "dlq": (
        "governance.view_deadletter", "governance.view_failuresignature", "governance.view_failurehour",
        "reliability.view_redrive", "reliability.view_redriveitem",
        "governance.move_deadletter", "governance.retry_deadletter", "governance.resolve_deadletter",
        "governance.triage_failuresignature",
    ),
    "approvals": ("governance.view_approval", "governance.decide_approval"),
    "permissions": (
        "governance.view_toolpermission", "governance.view_permissionuse", "governance.grant_toolpermission",
    ),
    "calls": ("governance.view_toolexecution",),
    "budgets": (
        "governance.view_workerbudget", "governance.view_budgetwindow", "governance.view_budgethold",
        "governance.change_workerbudget",
    ),
    "costs": ("governance.view_costline", "governance.correct_costline"),
    "prices": ("governance.view_modelprice", "governance.add_modelprice", "governance.change_modelprice"),
    "rate-limits": ("governance.view_ratelimit", "governance.change_ratelimit"),
    "breakers": (
        "reliability.view_circuitbreaker", "reliability.view_circuitbreakerevent",
        "reliability.change_circuitbreaker",
    ),
    "workers": (
        "governance.view_worker", "governance.view_workerprocess", "reliability.view_watchdogsweep",
        "governance.change_worker",
    ),
    "fleet": ("governance.view_fleet", "governance.pause_fleet"),
    "alerts": (
        "monitoring.view_alert", "monitoring.view_alertrule", "monitoring.view_alertmessage",
        "monitoring.change_alert", "monitoring.change_alertrule",
    ),
    "retention": ("governance.view_retentionrule", "governance.change_retentionrule"),
    "metrics": ("monitoring.view_metrics",),
    "audit": ("governance.view_auditentry",),
    "tokens": ("juggernaut.view_apitoken", "juggernaut.add_apitoken", "juggernaut.delete_apitoken"),
}  # fmt: skip


def known() -> dict[str, frozenset[str]]:
    """Every scope but `*`, with its permissions."""
    by_role = {role: frozenset(names) for role, names in roles.ROLES.items()}
    return by_role | {f"{area}:{level}": names for area in AREAS for level, names in _levels(area) if names}


@lru_cache(maxsize=256)
def allowed(scopes: tuple[str, ...]) -> frozenset[str] | None:
    """The permissions that these scopes leave; None if they leave all that the owner has."""
    if EVERYTHING in scopes:
        return None
    found = known()
    return frozenset().union(*(found.get(scope, frozenset()) for scope in scopes))


def check(scopes: Iterable[str]) -> list[str]:
    """The scopes, each once. Raises `InvalidInput` about the field `scopes`."""
    named = list(dict.fromkeys(scopes))
    if not named:
        raise InvalidInput([FieldError("scopes", f"name at least one, or {EVERYTHING}")])
    if unknown := [scope for scope in named if scope != EVERYTHING and scope not in known()]:
        expected = f"unknown: {', '.join(unknown)}; expected {EVERYTHING} or some of {', '.join(known())}"
        raise InvalidInput([FieldError("scopes", expected)])
    return named


def _levels(area: str) -> tuple[tuple[str, frozenset[str]], ...]:
    reading = frozenset(name for name in AREAS[area] if ".view_" in name)
    return ("read", reading), ("write", frozenset(AREAS[area]) - reading)
