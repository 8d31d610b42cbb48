"""What a task waits for when it cannot go on through no fault of its own. Kept in its column `wait`.

A task that waits for a person's approval is `waiting_approval`, every other is `parked`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class WaitKind(StrEnum):
    """What ends the wait."""

    BREAKER = "breaker"  # the service recovers
    BUDGET = "budget"  # the limit is raised, the window turns, money that was held is freed
    PAUSE = "pause"  # the worker, or the fleet, is resumed
    RATE_LIMIT = "rate_limit"  # time
    QUOTA = "quota"  # time, or the permission is changed
    APPROVAL = "approval"  # a person decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """`name` is the breaker, the budget's scope, the worker or FLEET, the rate limit, the permitted name, or
    the id of the approval. `sentence` says all of it to an operator. `until` is when the wait may end by
    itself (none: not before somebody acts). `amount_usd` is the least that the call needs, `window` the
    kind of the budget's window that refused it.
    """

    kind: WaitKind
    name: str
    sentence: str
    until: datetime | None = None
    amount_usd: Decimal | None = None
    window: str = ""
