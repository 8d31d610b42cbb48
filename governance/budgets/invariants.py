"""What must be true of the money, and where it is not."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

# One statement sees one moment, and every verb is one transaction: so these agree at any time, also
# while money is being spent. That nobody overspends, and that a hold ends once, are constraints.
_DRIFT = """
WITH chosen AS MATERIALIZED (
  SELECT id, scope, kind, starts_at, spent, held FROM budget_windows
  WHERE %(since)s::timestamptz IS NULL OR kind = 'day' AND ends_at > %(since)s),
members AS MATERIALIZED (
  SELECT h.id, h.state, h.amount_usd, h.charged_usd, h.windows FROM budget_holds h
  WHERE %(since)s::timestamptz IS NULL
     OR h.created_at >= (SELECT min(starts_at) FROM chosen) - interval '2 hours'),
booked AS (
  SELECT m.id, sum(c.cost_usd) AS usd
  FROM members m JOIN api_cost_tracking c ON c.hold_id = m.id GROUP BY m.id),
sums AS (
  SELECT w.id, sum(coalesce(b.usd, 0)) AS spent, sum(m.amount_usd) FILTER (WHERE m.state = 'open') AS held
  FROM members m LEFT JOIN booked b ON b.id = m.id CROSS JOIN unnest(m.windows) AS w(id) GROUP BY w.id)
SELECT c.scope || ', ' || c.kind || ' of ' || to_char(c.starts_at, 'YYYY-MM-DD'), what, stands, adds_up
FROM chosen c LEFT JOIN sums s ON s.id = c.id
CROSS JOIN LATERAL (VALUES ('spent', c.spent, coalesce(s.spent, 0)), ('held', c.held, coalesce(s.held, 0)))
  AS v(what, stands, adds_up)
WHERE stands <> adds_up
UNION ALL
SELECT 'hold ' || m.id, 'charged', m.charged_usd, coalesce(b.usd, 0)
FROM members m LEFT JOIN booked b ON b.id = m.id WHERE m.charged_usd <> coalesce(b.usd, 0)"""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A number that is not the sum of its parts, in USD."""

    where: str
    what: str
    stands: Decimal
    adds_up: Decimal

    def __str__(self) -> str:
        return f"{self.where}: {self.what} is {self.stands} USD, its lines add up to {self.adds_up} USD"


def discrepancies(*, since: datetime | None = None) -> list[Discrepancy]:
    """Where windows and ledger disagree: in the days that were not over at `since`, or everywhere."""
    with connection.cursor() as cursor:
        cursor.execute(_DRIFT, {"since": since})
        return [Discrepancy(*row) for row in cursor.fetchall()]
