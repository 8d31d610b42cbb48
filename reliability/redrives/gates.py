"""What lets a redrive go on: how many it tries first, and what stops it.

A gate looks at a redrive and answers why it must not go on, or nothing. What else may forbid it (a breaker
that is open, a budget that refuses) is another entry of `GATES`.
"""

import math
from collections.abc import Callable, Mapping

from reliability.models import Redrive

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


GATES: Mapping[str, Gate] = {"canary": canary, "failure rate": failure_rate}
