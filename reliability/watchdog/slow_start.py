"""Parked tasks return gently: as many as the money pays for, as many as a service that recovers can bear.

Both decide anew at every sweep, from the budgets and breakers as they are then. What they released and what
has not been claimed yet is remembered, so that the next sweep does not give the same money away again; a
watchdog that has just begun knows nothing of it, which costs a few tasks one more wait.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from governance import budgets
from governance.db import notifications
from governance.models import Task
from governance.models.budget import FLEET
from governance.tasks import transitions
from governance.tasks.transitions.types import Transition
from governance.tasks.waits import WaitKind
from reliability.breakers import status
from reliability.breakers.models import CircuitBreakerEvent, Mode, State
from reliability.models import WatchdogSweep

# The most that one breaker, or one budget, releases in one sweep.
MOST = 200
# A task that was claimed so lately may not have come to its call yet.
JUST_CLAIMED = timedelta(seconds=10)
# The name under which the watchdog records its releases for breakers: it counts the steps of the ramp.
RAMP_DUTY = "recovered"
_TASK = "task:"
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Outstanding:
    """What was released under each name and has not come to its call yet, with what it needs (USD)."""

    def __init__(self) -> None:
        self._usd: dict[str, dict[UUID, Decimal]] = {}

    def add(self, name: str, released: Mapping[Transition, Decimal]) -> None:
        self._usd.setdefault(name, {}).update({task.id: usd for task, usd in released.items()})

    def of(self, name: str, now: datetime) -> dict[UUID, Decimal]:
        """Those of them that are in the queue, or have just left it."""
        known = self._usd.pop(name, {})
        is_on_its_way = Q(status=Task.Status.PENDING) | Q(
            status=Task.Status.IN_PROGRESS, started_at__gte=now - JUST_CLAIMED
        )
        found = Task.objects.filter(is_on_its_way, pk__in=list(known)).values_list("pk", flat=True)
        still = {task_id: known[task_id] for task_id in found} if known else {}
        if still:
            self._usd[name] = still
        return still


_promised = Outstanding()
_probing = Outstanding()


# --------------------------------------------------------------------------------------------- budgets


def release_affordable(now: datetime) -> int:
    """Tasks that a budget refused go back to the queue when their money is free: a limit was raised, a window
    turned, a hold was released."""
    return sum(_afford(scope, now) for scope in transitions.waited_for(WaitKind.BUDGET))


def _afford(scope: str, now: datetime) -> int:
    free = _free_usd(scope)
    if free is not None:
        free -= sum(_promised.of(scope, now).values())
        if free <= 0:
            return 0
    left = "no limit any more" if free is None else f"{free.normalize():f} USD are free"
    reason = f"budget {scope}: {left}"
    released = transitions.release_within_budget(
        scope, free_usd=Decimal("Infinity") if free is None else free, limit=MOST, reason=reason
    )
    if free is not None:
        _promised.add(scope, released)
    return _rung(released)


def _free_usd(scope: str) -> Decimal | None:
    """What the tightest window of this scope has left; None if nothing limits it (any more)."""
    if scope.startswith(_TASK):
        task_id = _task_id(scope)
        standing = budgets.balance(FLEET, task_id=task_id) if task_id else []
    else:
        standing = budgets.balance(scope)
    free = [window.free_usd for window in standing if window.scope == scope and window.free_usd is not None]
    return min(free) if free else None


def _task_id(scope: str) -> UUID | None:
    try:
        return UUID(scope.removeprefix(_TASK))
    except ValueError:  # typed by hand; no such envelope refuses anything
        return None


# ------------------------------------------------------------------------------------------ the ramp


def release_recovered(now: datetime) -> int:
    """Tasks that a breaker refused go back to the queue: as many as it takes probes when it tries the
    service, and when it has closed more with every sweep. Those of a breaker that is gone go, too."""
    names = transitions.waited_for(WaitKind.BREAKER)
    standings = status.of_all() if names else {}
    return sum(_ease(name, standings.get(name), now) for name in names)


def _ease(name: str, standing: Mapping[str, Any] | None, now: datetime) -> int:
    if standing is None:
        return _release(name, MOST, "there is no such breaker any more")
    if standing["mode"] == Mode.FORCED_OPEN:
        return 0
    if standing["mode"] != Mode.NORMAL or standing["state"] == State.CLOSED:
        return _ramp(name, standing)
    return _probe(name, standing, now)


def _ramp(name: str, standing: Mapping[str, Any]) -> int:
    """From as many as it took probes, twice as many with each sweep since it closed."""
    closed_at = _closed_at(name)
    steps = WatchdogSweep.objects.filter(started_at__gte=closed_at, counts__has_key=RAMP_DUTY)
    doubled = 2 ** len(steps.values_list("pk")[: MOST.bit_length()])
    most = min(MOST, standing["settings"]["half_open_probes"] * doubled)
    how = "closed" if standing["mode"] == Mode.NORMAL else standing["mode"]
    return _release(name, most, f"it is {how}", closed_at=closed_at)


def _closed_at(name: str) -> datetime:
    """When it last began to let calls through: it closed, was reset, or an operator took it in hand."""
    kinds = CircuitBreakerEvent.Kind
    lets_through = Q(kind=kinds.TRANSITION, to_state=State.CLOSED) | Q(kind__in=[kinds.RESET, kinds.MODE])
    events = CircuitBreakerEvent.objects.filter(lets_through, breaker=name).order_by("-created_at")
    return events.values_list("created_at", flat=True).first() or _EVER


def _probe(name: str, standing: Mapping[str, Any], now: datetime) -> int:
    """While it is open: none before its next probe is due, then as many as it admits."""
    due_at = standing["next_probe_at"]
    if standing["state"] == State.OPEN and (due_at is None or due_at > now):
        return 0
    taken = (standing["probes_under_way"] or 0) + (standing["probes_succeeded"] or 0)
    free = standing["settings"]["half_open_probes"] - max(taken, len(_probing.of(name, now)))
    return _release(name, free, "it tries the service", is_probing=True) if free > 0 else 0


def _release(
    name: str, most: int, why: str, *, closed_at: datetime | None = None, is_probing: bool = False
) -> int:
    reason = f"breaker {name}: {why}"
    found = transitions.release_recovered(name, limit=most, reason=reason, closed_at=closed_at)
    released = dict.fromkeys(found, Decimal(0))
    if is_probing:
        _probing.add(name, released)
    return _rung(released)


def _rung(released: Collection[Transition]) -> int:
    notifications.notify_workers(task.worker_id for task in released)
    return len(released)
