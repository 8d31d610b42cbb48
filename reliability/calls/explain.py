"""May this call be made now? What each gate would say, without counting, holding or asking anything.

One answer for the command (`why`), the API (`/api/why`) and the page of a permission.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from governance import budgets
from governance.access import permissions
from governance.access.actors import Actor
from governance.errors import FieldError, InvalidInput
from governance.models import Fleet, Worker
from reliability import rate_limits
from reliability.breakers import status
from reliability.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate would say. `rule` is the sentence an operator reads."""

    gate: str
    lets_through: bool
    rule: str


VIEWS = (
    "governance.view_toolpermission",
    "governance.view_workerbudget",
    "reliability.view_circuitbreaker",
)


def asked(
    worker_id: str, tool_name: str, *, actor: Actor, service: str = "", cost_usd: Decimal | None = None
) -> list[Finding]:
    """As `call`, for whoever may see permissions, budgets and breakers. Raises `Forbidden`, and
    `InvalidInput` for a worker that is not there and for what is no amount of money."""
    for view in VIEWS:
        actor.require(view)
    known = sorted(Worker.objects.values_list("pk", flat=True))
    if worker_id not in known:
        unknown = f"unknown worker {worker_id!r}; expected one of: {', '.join(known)}"
        raise InvalidInput([FieldError("worker", unknown)])
    if cost_usd is not None and not (cost_usd.is_finite() and cost_usd >= 0):
        raise InvalidInput([FieldError("cost_usd", f"{cost_usd} is not an amount of money")])
    return call(worker_id, tool_name, service=service, cost_usd=cost_usd)


def call(
    worker_id: str,
    tool_name: str,
    *,
    service: str = "",
    breakers: tuple[str, ...] = (),
    cost_usd: Decimal | None = None,
) -> list[Finding]:
    """What would be decided now, gate by gate in their order; `breakers` default to the service's own."""
    named = breakers or ((service,) if service else ())
    return [
        _pause(worker_id),
        *_permission(worker_id, tool_name),
        _rate(tool_name, service),
        *_budget(worker_id, cost_usd),
        *_breakers(named),
    ]


def _pause(worker_id: str) -> Finding:
    is_fleet_on = Fleet.objects.filter(status="active").exists()
    is_paused = Worker.objects.filter(pk=worker_id, status=Worker.Status.PAUSED).exists()
    if is_paused or not is_fleet_on:
        return Finding("pause", False, f"{worker_id if is_fleet_on else 'FLEET'} is paused")
    return Finding("pause", True, f"neither {worker_id} nor the fleet is paused")


def _permission(worker_id: str, tool_name: str) -> list[Finding]:
    decision = permissions.look(worker_id, tool_name)
    found = [Finding("permission", decision.is_allowed, decision.rule)]
    if decision.is_allowed and (left := permissions.quota_left(decision)):
        said = ", ".join(f"{calls} this {span}" for span, calls in left.items())
        found = [Finding("permission", min(left.values()) > 0, f"{decision.rule}; calls left: {said}")]
    if decision.needs_approval:
        found.append(Finding("approval", False, "a person must approve exactly these arguments"))
    return found


def _rate(tool_name: str, service: str) -> Finding:
    try:
        covering = rate_limits.look(tool_name, service)
    except RateLimited as refusal:
        return Finding("rate limit", False, str(refusal))
    names = ", ".join(covering.names) if covering else "no limit covers it"
    return Finding("rate limit", True, f"room in: {names}" if covering else names)


def _budget(worker_id: str, cost_usd: Decimal | None) -> list[Finding]:
    if not cost_usd:
        return []
    found = []
    for window in budgets.balance(worker_id):
        if window.free_usd is not None:
            rule = f"budget of {window.scope} for the {window.kind}: {window.free_usd:f} USD free"
            found.append(Finding("budget", cost_usd <= window.free_usd, rule))
    return found


def _breakers(names: tuple[str, ...]) -> list[Finding]:
    known = status.of_all()
    return [_breaker(name, known[name]) for name in names if name in known]


def _breaker(name: str, found: dict[str, Any]) -> Finding:
    mode, state = found["mode"], found["state"]
    refuses = mode == "forced_open" or (mode == "normal" and _admits_none(found))
    said = f"circuit breaker {name} is {state}, mode {mode}"
    return Finding("breaker", not refuses, f"{said}: {found['cause']}" if found["cause"] else said)


def _admits_none(found: dict[str, Any]) -> bool:
    """Open and its wait not over, or half-open and as many probes under way as it takes."""
    if found["state"] == "half_open" and found["probes_under_way"] is not None:
        taken: int = found["probes_under_way"] + found["probes_succeeded"]
        return bool(taken >= found["settings"]["half_open_probes"])
    is_due = found["next_probe_at"] is not None and found["next_probe_at"] <= timezone.now()
    return bool(found["state"] == "open" and not is_due)
