"""The dashboard of circuit breakers: one card each, those that refuse calls first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.safestring import SafeString

from juggernaut.console.dashboards import breaker_actions, timelines
from reliability.breakers import status
from reliability.breakers.models import CircuitBreaker, Mode

# Tasks that a breaker's refusal parked, as `governance.tasks.waits` words it.
_PARKED = """
SELECT substr(waiting_for, 9), count(*) FROM governance_tasks
WHERE status = 'parked' AND waiting_for LIKE 'breaker %' GROUP BY 1"""


@dataclass(frozen=True)
class Card:
    """One breaker: how it stands (`reliability.breakers.status`), how it stood, and what waits for it."""

    name: str
    stands: dict[str, Any]
    shown: str
    strip: SafeString
    lasted: str
    parked: int
    verbs: list[breaker_actions.BreakerAction]

    @property
    def refuses(self) -> bool:
        return self.shown in ("open", "forced_open")

    @property
    def state_said(self) -> str:
        return timelines.STATES[self.stands["state"]]

    @property
    def mode_said(self) -> str:
        return str(Mode(self.stands["mode"]).label)

    @property
    def percent(self) -> float | None:
        rate = self.stands["failure_rate"]
        return None if rate is None else round(rate * 100, 1)

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stands["settings"]
        return found


def context(*, may_act: bool, now: datetime | None = None) -> dict[str, Any]:
    """Everything that the templates of the page name: four queries and a look into Redis for each breaker."""
    now = now or timezone.now()
    history, parked = timelines.events(now=now), _parked()
    made = dict(CircuitBreaker.objects.values_list("name", "created_at"))
    cards = [
        _card(name, stands, history.get(name, []), made.get(name, now), parked.get(name, 0), may_act, now)
        for name, stands in status.of_all().items()
    ]
    return {
        "as_of": now,
        "cards": sorted(cards, key=lambda card: (not card.refuses, card.shown == "closed", card.name)),
        "refusing": sum(card.refuses for card in cards),
        "parked": sum(parked.values()),
        "is_last_known": any(card.stands["source"] != "redis" for card in cards),
    }


def _card(
    name: str,
    stands: dict[str, Any],
    history: list[dict[str, Any]],
    made_at: datetime,
    parked: int,
    may_act: bool,
    now: datetime,
) -> Card:
    found = timelines.segments(history, state=stands["state"], mode=stands["mode"], made_at=made_at, now=now)
    shown = stands["mode"] if stands["mode"] in ("forced_open", "disabled") else stands["state"]
    return Card(
        name,
        stands,
        shown,
        timelines.draw(found, now=now),
        timelines.said(timelines.totals(found)),
        parked,
        breaker_actions.offered(stands) if may_act else [],
    )


def _parked() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_PARKED)
        return dict(cursor.fetchall())
