"""The rules: each asks one question, as cheaply at a million tasks as at none.

| rule | what is found | threshold |
|---|---|---|
| worker_silent | an active worker that no process has served for so long | seconds |
| breaker_open | a circuit breaker that has refused calls for so long | seconds |
| budget_nearly | a budget that is used to so much of its limit | percent |
| budget_used_up | the same, or a budget that tasks wait for | percent |
| letters_per_hour | more dead letters in the last hour | letters |
| oldest_pending | due work of an active worker that nobody took for so long | seconds |
| ledger_drift | places where the books do not balance, more than so many | places |
| unpriced_calls | answers of a model, in this hour and the last, without a readable cost | calls |
| watchdog_late | no watchdog has been heard of for so long | seconds |
"""

from datetime import timedelta
from typing import Any

from django.db import connection

from governance import budgets, units
from monitoring.alerts.rule_registry import MAX_SUBJECT, Finding, Found, rule
from monitoring.health import gates
from monitoring.models import AlertRule

Row = dict[str, Any]
COUNTED_UP_TO = 10_000
# How many of the first in line are looked at for the one that has been due for longest.
IN_LINE = 1_000

_SILENT = """
SELECT worker_id, extract(epoch FROM clock_timestamp() - last_heartbeat)::float8 AS silent, version
FROM worker_registry
WHERE worker_id <> 'WATCHDOG' AND status = 'active' AND (SELECT status FROM fleet) = 'active'
  AND last_heartbeat < clock_timestamp() - %(threshold)s * interval '1 second'
ORDER BY worker_id"""

_OPEN = """
SELECT name, state, cause, extract(epoch FROM clock_timestamp() - opened_at)::float8 AS open_for,
  extract(epoch FROM retry_at - clock_timestamp())::float8 AS retry_in
FROM circuit_breakers
WHERE state <> 'closed' AND (mode IN ('normal', 'shadow') OR mode_until <= clock_timestamp())
  AND coalesce(opened_at, '-infinity') <= clock_timestamp() - %(threshold)s * interval '1 second'
ORDER BY name"""

_WAITED_FOR = """
SELECT w.worker_id AS scope, waits."window" AS kind
FROM (SELECT worker_id FROM worker_registry UNION SELECT 'FLEET') w
CROSS JOIN LATERAL (
  SELECT DISTINCT t.wait ->> 'window' AS "window" FROM (
    SELECT wait FROM governance_tasks
    WHERE wait IS NOT NULL AND wait ->> 'kind' = 'budget' AND wait ->> 'name' = w.worker_id
    LIMIT %(limit)s) t) waits"""

_LETTERS = """
SELECT count(*) AS letters FROM (
  SELECT FROM dead_letter_queue WHERE created_at > now() - interval '1 hour' LIMIT %(limit)s) l"""

_WORST_GROUPS = """
SELECT l.failure_reason AS reason, count(*) AS letters FROM (
  SELECT failure_reason FROM dead_letter_queue WHERE created_at > now() - interval '1 hour'
  ORDER BY created_at DESC LIMIT %(limit)s) l
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3"""

_OLDEST = """
SELECT w.worker_id, oldest.id, extract(epoch FROM now() - oldest.run_after)::float8 AS due_for
FROM worker_registry w CROSS JOIN LATERAL (
  SELECT id, run_after FROM (
    SELECT id, run_after FROM governance_tasks
    WHERE status = 'pending' AND assigned_worker = w.worker_id
      AND rank <= (now() AT TIME ZONE 'UTC') AND run_after <= now()
    ORDER BY rank LIMIT %(in_line)s) line
  ORDER BY run_after LIMIT 1) oldest
WHERE w.status = 'active' AND (SELECT status FROM fleet) = 'active'
  AND oldest.run_after < now() - %(threshold)s * interval '1 second'
ORDER BY w.worker_id"""

_UNPRICED = """
SELECT service, model, sum(calls)::float8 AS calls, sum(cost_usd) AS cost_usd FROM cost_hours
WHERE hour >= date_trunc('hour', now(), 'UTC') - interval '1 hour' AND price_source = 'unpriced'
GROUP BY service, model HAVING sum(calls) > %(threshold)s ORDER BY service, model"""

_WATCHDOG = """
SELECT extract(epoch FROM clock_timestamp() - last_heartbeat)::float8 AS silent
FROM worker_registry WHERE worker_id = 'WATCHDOG'"""


@rule("worker_silent", judges_silence=True)
def worker_silent(row: AlertRule) -> Found:
    return [
        Finding(
            subject=found["worker_id"],
            said=f"{found['worker_id']} is silent: no process has served it for {_span(found['silent'])}",
            remedy="manage.py run_workers",
            value=found["silent"],
            evidence={"last_version": found["version"]},
        )
        for found in _rows(_SILENT, threshold=row.threshold)
    ]


@rule("breaker_open")
def breaker_open(row: AlertRule) -> Found:
    return [_open_breaker(found) for found in _rows(_OPEN, threshold=row.threshold)]


def _open_breaker(found: Row) -> Finding:
    name, open_for = found["name"], found["open_for"] or 0.0
    next_probe = "" if found["retry_in"] is not None else ", until an operator acts"
    is_trying = "; it is tried again" if found["state"] == "half_open" else ""
    return Finding(
        subject=name,
        said=f"circuit breaker {name} has been open for {_span(open_for)}{next_probe}{is_trying}:"
        f" {found['cause'] or 'nobody said why'}",
        remedy=f"manage.py reset_breaker {name}",
        value=open_for,
        evidence={"state": found["state"], "cause": found["cause"]},
    )


@rule("budget_nearly")
def budget_warning(row: AlertRule) -> Found:
    return [found for found in _used() if _is_over(found, row)]


@rule("budget_used_up")
def budget_exhausted(row: AlertRule) -> Found:
    """A budget is used up before its last cent is: when what is left pays for no call, tasks wait for it.
    One without a cent is a decision, and an alert only when tasks wait for it."""
    waited_for = {f"{wait['scope']} {wait['kind']}" for wait in _rows(_WAITED_FOR, limit=COUNTED_UP_TO)}
    return [found for found in _used() if _is_over(found, row) or found.subject in waited_for]


def _is_over(found: Finding, row: AlertRule) -> bool:
    return found.value >= row.threshold and not found.evidence["is_nothing"]


def _used() -> list[Finding]:
    """How every window stands that has a limit."""
    return [_budget(window) for window in budgets.all_balances() if window.limit_usd is not None]


def _share(window: budgets.BudgetBalance) -> float:
    """Percent of the limit that is spent or promised. Nothing of nothing is all of it."""
    used = window.carried_usd + window.spent_usd + window.held_usd
    return float(100 * used / window.limit_usd) if window.limit_usd else 100.0


def _budget(window: budgets.BudgetBalance) -> Finding:
    share = _share(window)
    used = window.carried_usd + window.spent_usd + window.held_usd
    return Finding(
        subject=f"{window.scope} {window.kind}",
        said=f"the {window.kind}'s budget of {window.scope} is used to {share:.0f} %:"
        f" {used:.2f} of {window.limit_usd:.2f} USD",
        remedy=f"manage.py set_budget {window.scope} --{_LIMITS[window.kind]} USD --reason …",
        value=share,
        evidence={
            "spent_usd": f"{window.spent_usd:f}",
            "held_usd": f"{window.held_usd:f}",
            "limit_usd": f"{window.limit_usd:f}",
            "is_nothing": not window.limit_usd,
        },
    )


_LIMITS = {"day": "daily", "week": "weekly", "month": "monthly"}


@rule("letters_per_hour")
def dead_letter_rate(row: AlertRule) -> Found:
    [found] = _rows(_LETTERS, limit=COUNTED_UP_TO)
    if found["letters"] <= row.threshold:
        return []
    groups = _rows(_WORST_GROUPS, limit=COUNTED_UP_TO)
    more = "at least " if found["letters"] == COUNTED_UP_TO else ""
    letters = "dead letter" if found["letters"] == 1 else "dead letters"
    worst = f"; most of them: {groups[0]['reason'][:120]}" if groups else ""
    return [
        Finding(
            subject="all",
            said=f"{more}{found['letters']:,} {letters} in the last hour{worst}",
            remedy="manage.py list_dlq --groups",
            value=float(found["letters"]),
            evidence={"groups": groups},
        )
    ]


@rule("oldest_pending", judges_silence=True)
def queue_age(row: AlertRule) -> Found:
    return [
        Finding(
            subject=found["worker_id"],
            said=f"work of {found['worker_id']} has been due for {_span(found['due_for'])}"
            " and nobody has taken it",
            remedy="manage.py diagnose performance",
            value=found["due_for"],
            evidence={"task_id": str(found["id"])},
        )
        for found in _rows(_OLDEST, threshold=row.threshold, in_line=IN_LINE)
    ]


@rule("ledger_drift")
def ledger_mismatch(row: AlertRule) -> Found:
    [found] = _rows(gates.BOOKS)
    if not found["checks"]:
        return None
    if found["places"] <= row.threshold:
        return []
    said = f"the books do not balance in {found['places']} places; the log names each"
    remedy = "grep 'do not balance' logs/juggernaut.log"
    return [Finding(subject="ledger", said=said, remedy=remedy, value=float(found["places"]))]


@rule("unpriced_calls")
def unpriced_calls(row: AlertRule) -> Found:
    """The whole hold of each was charged: budgets end too early, until somebody sees why."""
    return [
        Finding(
            subject=f"{found['service']} {found['model']}".strip()[:MAX_SUBJECT],
            said=f"{found['calls']:.0f} answers of {found['model']} at {found['service']} reported no"
            f" readable usage or cost: their whole holds were charged, {found['cost_usd'].normalize():f} USD",
            remedy="manage.py costs --lines; then manage.py set_price or manage.py correct_cost",
            value=found["calls"],
        )
        for found in _rows(_UNPRICED, threshold=row.threshold)
    ]


@rule("watchdog_late")
def watchdog_silent(row: AlertRule) -> Found:
    """Never true when the watchdog asks. The web servers ask while it is silent: `lookout`."""
    found = _rows(_WATCHDOG)
    silent = found[0]["silent"] if found else None
    if silent is not None and silent <= row.threshold:
        return []
    how_long = "has never been heard of" if silent is None else f"has been silent for {_span(silent)}"
    said = f"the watchdog {how_long}: nothing is rescued, no deadline is kept"
    return [
        Finding(
            subject="WATCHDOG", said=said, remedy="python watchdog_main.py", value=silent or row.threshold
        )
    ]


def _span(seconds: float) -> str:
    return units.words(timedelta(seconds=seconds))


def _rows(statement: str, **parameters: Any) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
