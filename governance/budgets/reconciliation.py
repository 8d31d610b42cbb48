"""Reconciles budget windows and cost summaries with the ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from governance.db import uuid7
from governance.models import BudgetHold

# One statement sees one moment, and every verb is one transaction: so these agree at any time, also
# while money is being spent. That nobody overspends, and that a hold ends once, are constraints. Windows that
# began before the oldest hold that retention has left cannot be checked any more.
_DRIFT = """
WITH pruned AS MATERIALIZED (
  SELECT coalesce(max(pruned_before), '-infinity') AS at FROM retention_rules WHERE name = 'ended holds'),
chosen AS MATERIALIZED (
  SELECT id, scope, kind, starts_at, spent, held FROM budget_windows
  WHERE CASE WHEN %(since)s::timestamptz IS NOT NULL THEN kind = 'day' AND ends_at > %(since)s
             ELSE kind = 'task' OR starts_at >= (SELECT at FROM pruned) END),
members AS MATERIALIZED (
  SELECT h.id, h.state, h.amount_usd, h.charged_usd, h.windows FROM budget_holds h
  WHERE %(since)s::timestamptz IS NULL
     OR h.id >= %(first)s::uuid AND h.created_at >= (SELECT min(starts_at) FROM chosen) - interval '2 hours'),
booked AS (
  SELECT m.id, sum(c.cost_usd) AS usd
  FROM members m JOIN api_cost_tracking c ON c.hold_id = m.id
  WHERE %(since)s::timestamptz IS NULL OR c.created_at >= %(begins)s::timestamptz
  GROUP BY m.id),
alike AS (
  SELECT m.windows, sum(b.usd) AS spent, sum(m.amount_usd) FILTER (WHERE m.state = 'open') AS held
  FROM members m LEFT JOIN booked b ON b.id = m.id GROUP BY m.windows),
sums AS (
  SELECT w.id, sum(a.spent) AS spent, sum(a.held) AS held
  FROM alike a CROSS JOIN unnest(a.windows) AS w(id) GROUP BY w.id)
SELECT c.scope || ', ' || c.kind || ' of ' || to_char(c.starts_at, 'YYYY-MM-DD') AS place, what, stands,
  adds_up
FROM chosen c LEFT JOIN sums s ON s.id = c.id
CROSS JOIN LATERAL (VALUES ('spent', c.spent, coalesce(s.spent, 0)), ('held', c.held, coalesce(s.held, 0)))
  AS v(what, stands, adds_up)
WHERE stands <> adds_up
UNION ALL
SELECT 'hold ' || m.id, 'charged', m.charged_usd, coalesce(b.usd, 0)
FROM members m LEFT JOIN booked b ON b.id = m.id WHERE m.charged_usd <> coalesce(b.usd, 0)"""

# Hours and their lines, from the hour before `since` on: the books are checked every minute, and a line that
# was booked in the hour's last second is looked at in the next one.
_HOURS = """
WITH begins AS MATERIALIZED (
  SELECT coalesce(date_trunc('hour', %(since)s::timestamptz, 'UTC') - interval '1 hour', '-infinity') AS at),
lines AS (
  SELECT date_trunc('hour', created_at, 'UTC') AS hour, worker_id, service, model, price_source, task_id,
         sum(cost_usd) AS usd, count(*) AS lines, count(*) FILTER (WHERE kind = 'call') AS calls
  FROM api_cost_tracking WHERE created_at >= (SELECT at FROM begins) GROUP BY 1, 2, 3, 4, 5, 6),
added AS (
  SELECT hour, worker_id, service, model, task_type, price_source, sum(usd) AS usd, sum(lines) AS lines,
         sum(calls) AS calls
  FROM (SELECT lines.*, coalesce(
          (SELECT t.task_type FROM task_costs t WHERE t.task_id = lines.task_id), '') AS task_type
        FROM lines) typed
  GROUP BY 1, 2, 3, 4, 5, 6),
stands AS (SELECT * FROM cost_hours WHERE hour >= (SELECT at FROM begins))
SELECT format('hour of %%s UTC, %%s', to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
              concat_ws(' ', worker_id, service, model, task_type, price_source)) AS place,
       'spent' AS what, coalesce(s.cost_usd, 0) AS stands, coalesce(a.usd, 0) AS adds_up
FROM stands s FULL JOIN added a USING (hour, worker_id, service, model, task_type, price_source)
WHERE (s.cost_usd, s.lines, s.calls) IS DISTINCT FROM (a.usd, a.lines, a.calls)"""

# Costs of tasks, from the same moment on.
_TASKS = """
SELECT 'task ' || t.task_id AS place, 'cost' AS what, t.cost_usd AS stands, coalesce(c.usd, 0) AS adds_up
FROM task_costs t CROSS JOIN LATERAL (
  SELECT sum(l.cost_usd) AS usd, count(*) AS lines FROM api_cost_tracking l WHERE l.task_id = t.task_id) c
WHERE (%(since)s::timestamptz IS NULL OR t.last_hour >= date_trunc('hour', %(since)s::timestamptz, 'UTC'))
  AND (t.cost_usd, t.lines) IS DISTINCT FROM (c.usd, c.lines)"""

# Each takes the facts of `facts`, and answers with what a `Discrepancy` tells.
QUERIES = (_DRIFT, _HOURS, _TASKS)
# A day lasts at most 25 hours, and what counts in it was held at most two hours before.
_REACH = timedelta(hours=28)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A number that is not the sum of its parts, in USD."""

    where: str
    what: str
    stands: Decimal
    adds_up: Decimal

    def __str__(self) -> str:
        return f"{self.where}: {self.what} is {self.stands} USD, its lines add up to {self.adds_up} USD"


def facts(since: datetime | None) -> dict[str, Any]:
    """What the queries are told: when the days that are checked were not over, or none for everything. What
    is older than any of these days is found by an index, if no clock was set back by hours meanwhile."""
    begins = since - _REACH if since else None
    return {"since": since, "begins": begins, "first": uuid7.first_id(BudgetHold, begins) if begins else None}


def discrepancies(*, since: datetime | None = None) -> list[Discrepancy]:
    """Where the ledger and what is made of it disagree: windows of the days that were not over at `since`,
    and the summaries from the hour before it on; or everywhere."""
    return [found for query in QUERIES for found in _asked(query, since)]


def _asked(query: str, since: datetime | None) -> list[Discrepancy]:
    with connection.cursor() as cursor:
        cursor.execute(query, facts(since))
        return [Discrepancy(*row) for row in cursor.fetchall()]
