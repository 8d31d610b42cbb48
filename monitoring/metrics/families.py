"""The metrics that the database answers for: each question with the families that its rows fill.

None of them counts a big table: counts of tasks end at `COUNTED_UP_TO` and read partial indexes, sums are
those that triggers keep, sizes of tables are the planner's estimates. What people or models may name freely
is cut to the first few.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from monitoring.alerts.rules import IN_LINE
from monitoring.health import gates
from reliability.watchdog import sweep

COUNTED_UP_TO = 10_000
MAX_ROWS = 600
MAX_GROUPS = 20
REASON_CHARS = 80
BIG_TABLES = ("governance_tasks", "task_events", "dead_letter_queue", "api_cost_tracking", "tool_executions")


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: `value` and `labels` are columns of the question's rows. A row without a value has none."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    value: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    sql: str
    families: tuple[Family, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


def _gauge(name: str, help: str, value: str, *labels: str) -> Family:  # noqa: A002 (Prometheus's word)
    return Family(f"juggernaut_{name}", "gauge", help, value, labels)


def _counter(name: str, help: str, value: str, *labels: str) -> Family:  # noqa: A002
    return Family(f"juggernaut_{name}_total", "counter", help, value, labels)


_TASKS = """
WITH waiting AS MATERIALIZED (
  (SELECT 'parked' AS state, assigned_worker, updated_at FROM governance_tasks
   WHERE status = 'parked' ORDER BY id LIMIT %(limit)s)
  UNION ALL
  (SELECT 'waiting_approval', assigned_worker, updated_at FROM governance_tasks
   WHERE wait IS NOT NULL AND wait ->> 'kind' = 'approval' LIMIT %(limit)s))
SELECT w.worker_id AS worker, s.state, s.tasks, greatest(s.oldest, 0) AS oldest
FROM (SELECT worker_id FROM worker_registry WHERE worker_id <> 'WATCHDOG' ORDER BY 1 LIMIT %(rows)s) w
CROSS JOIN LATERAL (
  SELECT 'pending' AS state,
    (SELECT count(*) FROM (SELECT FROM governance_tasks
       WHERE status = 'pending' AND assigned_worker = w.worker_id LIMIT %(limit)s) t) AS tasks,
    (SELECT extract(epoch FROM now() - min(run_after))::float8 FROM (
       SELECT run_after FROM governance_tasks
       WHERE status = 'pending' AND assigned_worker = w.worker_id
         AND rank <= (now() AT TIME ZONE 'UTC') AND run_after <= now()
       ORDER BY rank LIMIT %(in_line)s) line) AS oldest
  UNION ALL
  SELECT 'in_progress', count(*), extract(epoch FROM now() - min(started_at))::float8
  FROM (SELECT started_at FROM governance_tasks
        WHERE status = 'in_progress' AND assigned_worker = w.worker_id LIMIT %(limit)s) t
  UNION ALL
  SELECT v.state, count(t.state), extract(epoch FROM now() - min(t.updated_at))::float8
  FROM (VALUES ('parked'), ('waiting_approval')) v(state)
  LEFT JOIN waiting t ON t.state = v.state AND t.assigned_worker = w.worker_id GROUP BY v.state) s"""

_TALLIED = """
SELECT coalesce(nullif(first, ''), 'new') AS from_state, second AS to_state, worker, sum(count) AS total
FROM metric_tallies WHERE kind = 'transition' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
_FINISHED = """
SELECT s.state, w.worker, coalesce(sum(t.count), 0) AS total
FROM (VALUES ('completed'), ('failed'), ('cancelled')) s(state)
CROSS JOIN (SELECT '' AS worker UNION SELECT worker_id FROM worker_registry WHERE worker_id <> 'WATCHDOG') w
LEFT JOIN metric_tallies t ON t.kind = 'transition' AND t.second = s.state AND t.worker = w.worker
GROUP BY 1, 2 ORDER BY 1, 2"""
_ATTEMPTS = """
SELECT worker, sum(count) AS total FROM metric_tallies
WHERE kind = 'transition' AND second = 'in_progress' GROUP BY 1 ORDER BY 1"""
_SUBMITTED = """
SELECT coalesce(sum(count), 0) AS total FROM metric_tallies WHERE kind = 'transition' AND first = ''"""
_CALLS = """
SELECT first AS service, second AS outcome, sum(count) AS total, sum(seconds) AS seconds
FROM metric_tallies WHERE kind = 'call' GROUP BY 1, 2 ORDER BY 1, 2"""

_LETTERS = """
SELECT v.status, v.letters FROM (
  SELECT coalesce(sum(pending), 0) AS pending, coalesce(sum(retrying), 0) AS retrying,
         coalesce(sum(resolved), 0) AS resolved FROM failure_signatures) s
CROSS JOIN LATERAL (VALUES ('pending', s.pending), ('retrying', s.retrying), ('resolved', s.resolved))
  AS v(status, letters)"""
_FAILURES = "SELECT coalesce(sum(failures), 0) AS total FROM failure_signatures"
_GROUPS = """
SELECT left(id::text, 8) AS "group", task_type, left(failure_reason, %(chars)s) AS reason,
  pending + retrying AS letters
FROM failure_signatures WHERE pending > 0 OR retrying > 0
ORDER BY pending + retrying DESC, id LIMIT %(groups)s"""

_BUDGETS = """
SELECT DISTINCT s.scope, s.kind AS "window", s.cap AS usd_limit, coalesce(b.carried + b.spent, 0) AS spent,
  coalesce(b.held, 0) AS held, coalesce(b.overage, 0) AS overage
FROM (SELECT worker_id FROM worker_registry UNION SELECT worker_id FROM worker_budgets) everybody
CROSS JOIN LATERAL governance_budget_scopes(everybody.worker_id, NULL, now()) s
LEFT JOIN budget_windows b ON b.scope = s.scope AND b.kind = s.kind AND b.starts_at = s.starts_at
ORDER BY 1, 2 LIMIT %(rows)s"""
_BREAKERS = """
SELECT b.name AS breaker, s.state, (b.state = s.state)::int AS stands
FROM (SELECT name, state FROM circuit_breakers ORDER BY state = 'closed', name LIMIT %(rows)s) b
CROSS JOIN (VALUES ('closed'), ('open'), ('half_open')) s(state)"""
_STEERED = """
SELECT name AS breaker, mode, 1 AS stands FROM circuit_breakers
WHERE mode <> 'normal' AND (mode_until IS NULL OR mode_until > now()) ORDER BY name LIMIT %(rows)s"""

_WORKERS = """
SELECT worker_id AS worker, (status = 'paused')::int AS paused,
  greatest(extract(epoch FROM clock_timestamp() - last_heartbeat), 0)::float8 AS age
FROM worker_registry ORDER BY 1 LIMIT %(rows)s"""
_PROCESSES = """
SELECT host, pid::text AS pid, state, array_to_string(worker_ids, ',') AS workers, in_flight, rss_bytes,
  greatest(extract(epoch FROM clock_timestamp() - last_seen), 0)::float8 AS age
FROM worker_processes ORDER BY last_seen DESC LIMIT %(rows)s"""
_SERVED = """
SELECT w.worker_id AS worker, count(p.process_id) AS processes
FROM worker_registry w LEFT JOIN worker_processes p
  ON w.worker_id = ANY(p.worker_ids) AND p.state = 'running' AND p.last_seen > now() - interval '10 seconds'
WHERE w.worker_id <> 'WATCHDOG' GROUP BY 1 ORDER BY 1 LIMIT %(rows)s"""
_FLEET = "SELECT (coalesce((SELECT status FROM fleet), '') <> 'active')::int AS paused"

_SWEEP = """
SELECT greatest(extract(epoch FROM clock_timestamp() - started_at), 0)::float8 AS age,
  duration_ms / 1000.0 AS seconds, (error <> '')::int AS failed
FROM watchdog_sweeps ORDER BY started_at DESC LIMIT 1"""
_DUTIES = """
SELECT duty, (NOT EXISTS (SELECT FROM tool_permission('WATCHDOG', duty, now())
                          WHERE effect = 'allow' AND NOT requires_approval))::int AS stopped
FROM unnest(%(duties)s) AS duty ORDER BY duty"""

_ALERTS = """
SELECT r.name AS rule, s.state, count(a.id) AS alerts
FROM alert_rules r CROSS JOIN (VALUES ('open'), ('acknowledged')) s(state)
LEFT JOIN alerts a ON a.rule_id = r.name AND a.state = s.state GROUP BY 1, 2 ORDER BY 1, 2 LIMIT %(rows)s"""
_MESSAGES = """
SELECT s.state, (
  SELECT count(*) FROM (SELECT FROM alert_messages m WHERE m.state = s.state LIMIT %(limit)s) l) AS messages
FROM (VALUES ('waiting'), ('sending')) s(state)"""
_APPROVALS = """
SELECT count(*) AS waiting FROM (SELECT FROM approvals WHERE status = 'pending' LIMIT %(limit)s) a"""

_CONNECTIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
  current_setting('max_connections')::int AS allowed"""
_SIZES = """
SELECT c.relname AS "table", greatest(c.reltuples, 0)::float8 AS estimated FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%(tables)s)"""

_ROWS = {"rows": MAX_ROWS}
# The cheapest first: whether the database answers at all. The most expensive last: the others do not wait for
# it.
QUESTIONS = (
    Question(_FLEET, (_gauge("fleet_paused", "1 while the fleet is paused.", "paused"),)),
    Question(
        _TALLIED,
        (
            _counter(
                "task_transitions",
                "Changes of state of tasks; worker is empty where a person or reliability made them.",
                "total",
                "from_state",
                "to_state",
                "worker",
            ),
        ),
    ),
    Question(
        _FINISHED,
        (_counter("tasks_finished", "Tasks that ended, by how and by whom.", "total", "state", "worker"),),
    ),
    Question(_ATTEMPTS, (_counter("task_attempts", "Attempts that were begun.", "total", "worker"),)),
    Question(_SUBMITTED, (_counter("tasks_submitted", "Tasks that were submitted.", "total"),)),
    Question(
        _CALLS,
        (
            _counter(
                "calls",
                "Calls of tools and models that ended; services without a breaker are 'other'.",
                "total",
                "service",
                "outcome",
            ),
            _counter("call_seconds", "How long these calls took together.", "seconds", "service", "outcome"),
        ),
    ),
    Question(_LETTERS, (_gauge("dead_letters", "Dead letters by status.", "letters", "status"),)),
    Question(_FAILURES, (_counter("dead_letter_failures", "Failures that led to dead letters.", "total"),)),
    Question(
        _GROUPS,
        (
            _gauge(
                "dead_letter_group_open",
                f"Open dead letters of the {MAX_GROUPS} largest groups.",
                "letters",
                "group",
                "task_type",
                "reason",
            ),
        ),
        {"groups": MAX_GROUPS, "chars": REASON_CHARS},
    ),
    Question(
        _BUDGETS,
        (
            _gauge("budget_spent_usd", "Spent in the current window, in USD.", "spent", "scope", "window"),
            _gauge("budget_held_usd", "Held for calls under way, in USD.", "held", "scope", "window"),
            _gauge("budget_overage_usd", "Booked beyond what was held.", "overage", "scope", "window"),
            _gauge(
                "budget_limit_usd",
                "The limit of the window, in USD; absent without one.",
                "usd_limit",
                "scope",
                "window",
            ),
        ),
        _ROWS,
    ),
    Question(
        gates.BOOKS,
        (_gauge("ledger_unbalanced", "Places where the books do not balance, last checked.", "places"),),
    ),
    Question(
        _BREAKERS,
        (
            _gauge(
                "breaker_state",
                f"1 for the state that a breaker is in. The first {MAX_ROWS}, those that are not closed"
                " first.",
                "stands",
                "breaker",
                "state",
            ),
        ),
        _ROWS,
    ),
    Question(
        _STEERED,
        (_gauge("breaker_steered", "1 while an operator steers a breaker.", "stands", "breaker", "mode"),),
        _ROWS,
    ),
    Question(
        _WORKERS,
        (
            _gauge("worker_heartbeat_age_seconds", "Since a worker was last heard of.", "age", "worker"),
            _gauge("worker_paused", "1 while a worker is paused.", "paused", "worker"),
        ),
        _ROWS,
    ),
    Question(
        _SERVED, (_gauge("worker_processes", "Living processes of a worker.", "processes", "worker"),), _ROWS
    ),
    Question(
        _PROCESSES,
        (
            _gauge(
                "process_heartbeat_age_seconds",
                "Since a worker process was last heard of.",
                "age",
                "host",
                "pid",
                "workers",
            ),
            _gauge(
                "process_tasks", "Tasks that a worker process runs.", "in_flight", "host", "pid", "workers"
            ),
            _gauge(
                "process_resident_memory_bytes",
                "Memory of a worker process.",
                "rss_bytes",
                "host",
                "pid",
                "workers",
            ),
        ),
        _ROWS,
    ),
    Question(
        _SWEEP,
        (
            _gauge("watchdog_sweep_age_seconds", "Since the watchdog's last sweep began.", "age"),
            _gauge("watchdog_sweep_duration_seconds", "How long that sweep took.", "seconds"),
            _gauge("watchdog_sweep_failed", "1 if a duty failed in it.", "failed"),
        ),
    ),
    Question(
        _DUTIES,
        (_gauge("watchdog_duty_stopped", "1 while the watchdog may not do a duty.", "stopped", "duty"),),
        {"duties": sweep.DUTIES},
    ),
    Question(_ALERTS, (_gauge("alerts", "Alerts that are not resolved.", "alerts", "rule", "state"),), _ROWS),
    Question(
        _MESSAGES,
        (_gauge("alert_messages", "Messages about alerts under way.", "messages", "state"),),
        {"limit": COUNTED_UP_TO},
    ),
    Question(
        _APPROVALS,
        (_gauge("approvals_waiting", "Calls that wait for a person.", "waiting"),),
        {"limit": COUNTED_UP_TO},
    ),
    Question(
        _CONNECTIONS,
        (
            _gauge("database_connections", "Connections to PostgreSQL in use.", "used"),
            _gauge("database_connections_allowed", "Connections that PostgreSQL allows.", "allowed"),
        ),
    ),
    Question(
        _SIZES,
        (_gauge("table_rows_estimate", "Rows of a table by the planner's estimate.", "estimated", "table"),),
        {"tables": list(BIG_TABLES)},
    ),
    Question(
        _TASKS,
        (
            _gauge(
                "tasks",
                f"Tasks by state and worker; each count ends at {COUNTED_UP_TO}.",
                "tasks",
                "state",
                "worker",
            ),
            _gauge(
                "tasks_oldest_seconds",
                "Age of the oldest: pending since it was due (of the first"
                f" {IN_LINE} in line), in_progress since its attempt began, others since they wait.",
                "oldest",
                "state",
                "worker",
            ),
        ),
        {"limit": COUNTED_UP_TO, "in_line": IN_LINE} | _ROWS,
    ),
)
