"""What `/health` says of the gates: breakers that refuse calls, budgets that are used up, books that do not
balance. None of them takes the system down: work that is refused waits."""

from decimal import Decimal
from typing import Any

from monitoring.health.probe import Row

Entry = dict[str, Any]
# From so much of a limit on, a budget is named although it still lets calls through.
NEARLY = Decimal("0.8")

BREAKERS = """
SELECT name, state, cause, mode, extract(epoch FROM retry_at - now())::float8 AS retry_in
FROM circuit_breakers
WHERE state <> 'closed' OR (mode <> 'normal' AND (mode_until IS NULL OR mode_until > now()))
ORDER BY name"""

BUDGETS = """
SELECT DISTINCT s.scope, s.kind, s.cap, coalesce(w.carried + w.spent + w.held, 0) AS used
FROM worker_registry r
CROSS JOIN LATERAL governance_budget_scopes(r.worker_id, NULL, now()) s
LEFT JOIN budget_windows w ON w.scope = s.scope AND w.kind = s.kind AND w.starts_at = s.starts_at
WHERE r.worker_id <> 'WATCHDOG' AND s.cap IS NOT NULL
ORDER BY s.scope, s.kind"""

# What the watchdog found in the books, which it checks once a minute; other sweeps say nothing of them.
BOOKS = """
SELECT count(*)::int AS checks, coalesce(sum((counts ->> 'unbalanced')::int), 0)::int AS places,
  now() - max(started_at) AS ago
FROM watchdog_sweeps WHERE started_at > now() - interval '90 seconds' AND counts ? 'unbalanced'"""


def breakers_entry(breakers: list[Row]) -> Entry:
    """`breakers` are those that are not closed, or not left to decide."""
    if not breakers:
        return {"status": "ok", "detail": "every circuit breaker is closed", "open": []}
    return {
        "status": "degraded",
        "detail": "; ".join(_breaker(row) for row in breakers),
        "open": [row["name"] for row in breakers if row["state"] != "closed" or row["mode"] == "forced_open"],
    }


def _breaker(row: Row) -> str:
    if row["mode"] != "normal":
        return f"{row['name']} is {row['mode'].replace('_', ' ')} by an operator"
    said = f"{row['name']} is {row['state'].replace('_', '-')}"
    if row["state"] == "half_open":
        return said
    if row["retry_in"] is None:
        return f"{said} until an operator acts"
    return f"{said}, next probe in {max(0.0, row['retry_in']):.0f} s"


def budgets_entry(windows: list[Row], *, unbalanced: int) -> Entry:
    """`windows` are those that have a limit, with what counts against it."""
    spent = [row for row in windows if row["used"] >= row["cap"]]
    nearly = [row for row in windows if row not in spent and row["used"] >= NEARLY * row["cap"]]
    said = [f"used up: {_named(spent)}"] if spent else []
    said += [f"at 80 % or more: {_named(nearly)}"] if nearly else []
    said += [f"the books do not balance in {unbalanced} places: see the log"] if unbalanced else []
    return {
        "status": "degraded" if spent or unbalanced else "ok",
        "detail": "; ".join(said) or "every budget has money left",
        "used_up": [{"scope": row["scope"], "window": row["kind"]} for row in spent],
    }


def _named(windows: list[Row]) -> str:
    return ", ".join(f"{row['scope']} ({row['kind']})" for row in windows)
