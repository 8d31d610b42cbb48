"""Stop conditions of a redrive: the canary, the failure rate, breakers, budgets.

A gate looks at a redrive and answers why it must not go on, or nothing. What else may forbid it is another
entry of `GATES`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet

from governance import budgets
from governance.models import DeadLetter
from reliability.breakers import status
from reliability.models import Redrive, RedriveItem

Gate = Callable[[Redrive], str | None]

CANARY = (1, 5)
CANARY_SHARE = 0.25
# Below this many outcomes, a rate says nothing.
ENOUGH_TO_JUDGE = 20


def stages(total: int, *, canary: bool) -> list[int]:
    """How many letters may have been tried at the end of each stage: 1, 5, a quarter, all."""
    few = [end for end in CANARY if end < total] if canary else []
    quarter = math.ceil(total * CANARY_SHARE)
    return [*few, *([quarter] if few and quarter > CANARY[-1] else []), total]


def closed(redrive: Redrive) -> tuple[str, str] | None:
    """The first gate that is closed and why, or None."""
    for name, gate in GATES.items():
        if why := gate(redrive):
            return name, why
    return None


def canary(redrive: Redrive) -> str | None:
    """The stage cannot end well any more: more have failed than may fail of all that it tries."""
    end = redrive.plan[redrive.stage]
    if redrive.is_canary and redrive.failed > redrive.max_failure_rate * end:
        return f"the canary failed: {redrive.failed} of the first {end} failed again"
    return None


def failure_rate(redrive: Redrive) -> str | None:
    """Of those that have ended, more failed again than may."""
    if redrive.tried >= ENOUGH_TO_JUDGE and redrive.failed > redrive.max_failure_rate * redrive.tried:
        limit = f"more than {redrive.max_failure_rate:.0%}"
        return f"the error is back: {redrive.failed} of {redrive.tried} failed again, {limit}"
    return None


def breaker(redrive: Redrive) -> str | None:
    """The breaker of a service that failed these letters refuses calls: they would only fail again."""
    services = _of_what_is_left(redrive).exclude(service="").values_list("service", flat=True).distinct()
    wanted = set(services)
    for name, standing in status.of_all().items() if wanted else ():
        if wanted & {name, name.partition(":")[0]} and (why := _refusal(standing)):
            return f"circuit breaker {name} is {why}"
    return None


def _refusal(standing: Mapping[str, Any]) -> str | None:
    if standing["mode"] == "forced_open":
        return f"forced open: {standing['mode_reason']}"
    if standing["mode"] == "normal" and standing["state"] == "open":
        return f"open: {standing['cause']}"
    return None


def budget(redrive: Redrive) -> str | None:
    """Nothing is left of a budget of workers whose letters cost money before."""
    spenders = _of_what_is_left(redrive).filter(cost_usd__gt=0).values_list("worker_id", flat=True).distinct()
    for worker_id in sorted(spenders):
        for window in budgets.balance(worker_id):
            if window.free_usd == 0:
                return f"the budget of {window.scope} for the {window.kind} is used up"
    return None


def _of_what_is_left(redrive: Redrive) -> "QuerySet[DeadLetter]":
    waiting = RedriveItem.objects.filter(redrive=redrive, state=RedriveItem.State.WAITING)
    return DeadLetter.objects.filter(pk__in=waiting.values("letter_id"))


GATES: Mapping[str, Gate] = {
    "canary": canary,
    "failure rate": failure_rate,
    "breaker": breaker,
    "budget": budget,
}
