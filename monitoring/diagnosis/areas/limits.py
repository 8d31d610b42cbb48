"""Rate limits: what providers and breakers refused, what is spent, and which tasks show no sign of life."""

from governance import costs
from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health.probe import Probe, Row

_LATEST = 5

# The two that the runbook looks for: asked too often, and refused by a breaker.
_REFUSED = """
SELECT worker_id, rule, left(regexp_replace(error_message, '\\s+', ' ', 'g'), 160) AS said,
  now() - created_at AS ago, error_message ILIKE '%rate limit%' AS is_limit
FROM tool_executions
WHERE status IN ('failed', 'refused') AND created_at > now() - interval '1 hour'
  AND (error_message ILIKE '%rate limit%' OR error_message LIKE '%circuit breaker%')
ORDER BY created_at DESC LIMIT 1000"""

_WAITING = """
SELECT waiting_for, count(*)::int AS tasks FROM governance_tasks
WHERE wait IS NOT NULL AND wait ->> 'kind' IN ('breaker', 'rate_limit', 'quota')
GROUP BY 1 ORDER BY tasks DESC, 1 LIMIT 10"""

_STUCK = """
SELECT id::text, title, task_type, assigned_worker, now() - updated_at AS silent FROM governance_tasks
WHERE status = 'in_progress' AND updated_at < now() - interval '30 minutes'
ORDER BY updated_at LIMIT 10"""

_LIMITED = "SELECT worker_id FROM worker_budgets WHERE worker_id = ANY(%(workers)s) ORDER BY 1"


@section("rate-limits")
def look() -> list[Finding]:
    """Refusals of the last hour, tasks that wait for their end, costs of a day, tasks gone silent."""
    with Probe(seconds=PROBE_SECONDS) as probe:
        refused, waiting = probe.rows(_REFUSED), probe.rows(_WAITING)
        asking = list({row["worker_id"] for row in refused})
        limited = [row["worker_id"] for row in probe.rows(_LIMITED, {"workers": asking})]
        stuck = probe.rows(_STUCK)
        spent = costs.answered(row.values() for row in probe.rows(*costs.question(costs.last(hours=24))))
    return [_refused(refused, waiting, limited), _waiting(waiting), _costs(spent), _stuck(stuck)]


def _refused(rows: list[Row], waiting: list[Row], limited: list[str]) -> Finding:
    if not rows:
        return ok("nothing was refused by a rate limit or a circuit breaker in the last hour")
    limits = sum(row["is_limit"] for row in rows)
    # What is over is worth knowing; what tasks still wait for hurts.
    say = warning if waiting else notice
    return say(
        f"rate limit exceeded {limits} time(s), {len(rows) - limits} call(s) refused by a circuit breaker "
        "in the last hour",
        evidence=[f"{words(r['ago'])} ago, {r['worker_id']}: {r['said']}" for r in rows[:_LATEST]],
        explanation="Tasks that were refused wait without using an attempt, and go on by themselves.",
        remedies=[remedies.halve_limits(limited)] if limited else [],
    )


def _waiting(rows: list[Row]) -> Finding:
    if not rows:
        return ok("no task waits for a rate limit, a quota or a circuit breaker")
    return warning(
        f"{sum(row['tasks'] for row in rows)} task(s) wait for a service",
        evidence=[f"{row['tasks']} for {row['waiting_for']}" for row in rows],
        explanation="They are released slowly when the cause ends.",
        remedies=[remedies.reset_breaker(name) for name in _breakers(rows)],
    )


def _breakers(rows: list[Row]) -> list[str]:
    named = [row["waiting_for"] for row in rows]
    return [text.removeprefix("breaker ") for text in named if text.startswith("breaker ")]


def _costs(spent: costs.Costs) -> Finding:
    workers = [f"{one.name}: {one.cost_usd.normalize():f} USD in {one.lines}" for one in spent.by_worker_id]
    total = spent.total
    said = (
        f"{total.cost_usd.normalize():f} USD spent in the last 24 hours, {total.lines} line(s) of the ledger"
    )
    return ok(said, evidence=workers)


def _stuck(rows: list[Row]) -> Finding:
    if not rows:
        return ok("no running task has been silent for 30 minutes")
    return warning(
        f"{len(rows)} running task(s) have shown no sign of life for 30 minutes",
        evidence=[
            f"{r['id']}  {r['title'] or r['task_type']} ({r['assigned_worker']}), "
            f"silent for {words(r['silent'])}"
            for r in rows
        ],
        explanation="Their worker no longer renews their lease; the watchdog would have taken them back.",
        remedies=[remedies.move_to_dlq(rows[0]["id"])],
    )
