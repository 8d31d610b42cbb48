"""Burn rates: cost per hour of each budget, and when its money runs out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.utils import timezone

from governance.budgets.balances import BudgetBalance, all_balances
from governance.models.budget import FLEET

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)

_BURNT = """
SELECT coalesce(worker_id, %(fleet)s), sum(cost_usd),
       coalesce(sum(cost_usd) FILTER (WHERE created_at > %(quarter)s), 0)
FROM api_cost_tracking WHERE created_at > %(hour)s AND created_at <= %(now)s
GROUP BY ROLLUP (worker_id)"""


@dataclass(frozen=True, slots=True)
class BurnRate:
    """A window of a budget, what was spent of it in the last hour and the last 15 minutes (USD).

    `runs_out_at` is when its free money ends at the faster of the two rates; None if there is no limit,
    nothing is being spent, or the window ends first.
    """

    standing: BudgetBalance
    last_hour_usd: Decimal
    last_quarter_usd: Decimal
    runs_out_at: datetime | None

    @property
    def per_hour_usd(self) -> Decimal:
        """The faster of the two rates."""
        return max(self.last_hour_usd, self.last_quarter_usd * 4)


def estimate_burn_rates(*, now: datetime | None = None) -> list[BurnRate]:
    """Every window that is open now: the fleet's first, then by worker; two queries."""
    now = now or timezone.now()
    cost = _spent(now)
    return [_pace(standing, *cost.get(standing.scope, (Decimal(0), Decimal(0))), now=now)
            for standing in all_balances(at=now)]  # fmt: skip


def _spent(now: datetime) -> dict[str, tuple[Decimal, Decimal]]:
    """By scope, what the last hour and the last quarter of it cost."""
    spans: dict[str, datetime | str] = {
        "now": now,
        "hour": now - HOUR,
        "quarter": now - QUARTER,
        "fleet": FLEET,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BURNT, spans)
        return {scope: (hour or Decimal(0), quarter) for scope, hour, quarter in cursor.fetchall()}


def _pace(standing: BudgetBalance, hour: Decimal, quarter: Decimal, *, now: datetime) -> BurnRate:
    return BurnRate(standing, hour, quarter, _end(standing, max(hour, quarter * 4), now))


def _end(standing: BudgetBalance, per_hour: Decimal, now: datetime) -> datetime | None:
    if standing.free_usd is None or per_hour <= 0:
        return None
    left = timedelta(hours=min(float(standing.free_usd / per_hour), 24 * 366.0))
    ends_at = now + left
    return None if standing.ends_at and ends_at >= standing.ends_at else ends_at
