"""Wait reasons of parked tasks, stored in their column `wait`.

A task that waits for a person's approval is `waiting_approval`, every other is `parked`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

# After so long a task that met somebody's lock tries again.
LOCK_SECONDS = 10.0
# As long as `waiting_for` can be.
MAX_SUMMARY = 500


class WaitKind(StrEnum):
    """What ends the wait."""

    BREAKER = "breaker"  # the service recovers
    BUDGET = "budget"  # the limit is raised, the window turns, money that was held is freed
    PAUSE = "pause"  # the worker, or the fleet, is resumed
    RATE_LIMIT = "rate_limit"  # time
    QUOTA = "quota"  # time, or the permission is changed
    APPROVAL = "approval"  # a person decides
    LOCK = "lock"  # time: whoever has locked the rows that a gate needs lets go of them
    CHILDREN = "children"  # the steps of a workflow have come so far that it can go on


_SUMMARIES = {
    WaitKind.PAUSE: "pause of",
    WaitKind.RATE_LIMIT: "rate limit",
    WaitKind.LOCK: "lock on",
    WaitKind.CHILDREN: "its",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """`name` is the breaker, the budget's scope, the worker or FLEET, the rate limit, the permitted name,
    the id of the approval, or how many steps there are. `sentence` says all of it to an operator. `until` is
    when the wait may end by itself (none: not before somebody acts). `amount_usd` is the least that the call
    needs, `window` the kind of the budget's window that refused it.
    """

    kind: WaitKind
    name: str
    sentence: str
    until: datetime | None = None
    amount_usd: Decimal | None = None
    window: str = ""

    @property
    def summary(self) -> str:
        """The short text in `waiting_for`: `budget ANALYST (day)`, `breaker openrouter`."""
        said = f"{_SUMMARIES.get(self.kind, self.kind.value)} {self.name}"
        return storable(f"{said} ({self.window})" if self.window else said)[:MAX_SUMMARY]

    def to_json(self) -> dict[str, str]:
        """What the column holds; absent is what is not said. Times are ISO 8601, money is plain digits."""
        said = {
            "kind": self.kind.value,
            "name": self.name,
            "sentence": self.sentence or self.summary,
            "until": self.until.isoformat() if self.until else "",
            "amount_usd": "" if self.amount_usd is None else f"{self.amount_usd:f}",
            "window": self.window,
        }
        return {name: storable(text) for name, text in said.items() if text}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Wait":
        """What such a column means; the database has checked it (`task_wait_sound`)."""
        until, amount = said.get("until"), said.get("amount_usd")
        return cls(
            kind=WaitKind(said["kind"]),
            name=str(said["name"]),
            sentence=str(said["sentence"]),
            until=_moment(until) if until else None,
            amount_usd=None if amount is None else Decimal(str(amount)),
            window=str(said.get("window", "")),
        )


def for_lock(name: str, sentence: str) -> Wait:
    """The wait for a lock of somebody else: `name` is what could not be used, `sentence` says so."""
    said = f"{sentence}: somebody else holds a lock that it needs (manage.py diagnose says who)"
    until = datetime.now(UTC) + timedelta(seconds=LOCK_SECONDS)
    return Wait(kind=WaitKind.LOCK, name=name, sentence=said, until=until)


def storable(text: str) -> str:
    """PostgreSQL knows no NUL."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return found
