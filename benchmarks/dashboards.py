"""What the dashboards take when the ledger is long: pages, sums and the runbook's query.

    python -m benchmarks dashboards

The ledger is loaded by SQL, thirty days of it, its summaries filled as a set, as the migration does.
"""

import statistics
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.db import connection

from benchmarks import dead_letters, measures
from benchmarks.report import Row
from governance import budgets, costs

LINES, TASKS, BATCH = 10_000_000, 1_000_000, 500_000
BREAKERS, EVENTS = 30, 15_000
SAMPLES = 20
GOAL = "200"
_FILLED: str = import_module("governance.migrations.0014_cost_rollups").FILLED

# Tasks make ten calls within minutes, one after the other over thirty days; a hundredth of them live for a
# day. Five workers, three services, twelve models.
_LINES = f"""
INSERT INTO api_cost_tracking (worker_id, service, model, cost_usd, input_tokens, output_tokens, price_source,
                               hold_id, task_id, created_at, booked_at, actor)
SELECT (ARRAY['EXECUTOR','ANALYST','STRATEGIST','ORCHESTRATOR','WATCHDOG'])[1 + task %% 5],
       (ARRAY['openrouter','search','mail'])[1 + task %% 3], 'provider/model-' || (task %% 12),
       (0.0001 + (hashint8(n) & 1048575) / 100000000.0)::numeric(18, 9), 1200, 80,
       CASE n %% 100 WHEN 0 THEN 'unpriced' WHEN 1 THEN 'unknown' WHEN 2 THEN 'expired' ELSE 'provider' END,
       juggernaut_uuid7(), ('00000000-0000-7000-8000-' || lpad(to_hex(task), 12, '0'))::uuid,
       at, at, 'bench'
FROM generate_series(%(begin)s::bigint, %(end)s::bigint) n
CROSS JOIN LATERAL (SELECT n %% {TASKS} AS task, n / {TASKS} AS call) part
CROSS JOIN LATERAL (
  SELECT now() - interval '30 days' * (task + 1) / {TASKS}
         + call * CASE WHEN task %% 100 = 0 THEN interval '144 min' ELSE interval '20 s' END AS made) moment
CROSS JOIN LATERAL (SELECT least(made, now() - interval '1 s' * (n %% 3000)) AS at) past"""

_TASKS = """
INSERT INTO governance_tasks (id, task_type, title, status, attempts, created_at, completed_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
       (ARRAY['agent','evaluation','workflow','verification'])[1 + n %% 4], 'task ' || n, 'completed', 1,
       now(), now()
FROM generate_series(%(begin)s, %(end)s) n"""

_BREAKERS = """
INSERT INTO circuit_breakers (name, created_at)
SELECT 'service-' || n, now() - interval '9 days' FROM generate_series(1, %(breakers)s) n;
INSERT INTO circuit_breaker_events (breaker, kind, from_state, to_state, seq, created_at)
SELECT 'service-' || (1 + n %% %(breakers)s), 'transition',
       (ARRAY['closed','open','half_open'])[1 + (n / %(breakers)s) %% 3],
       (ARRAY['open','half_open','closed'])[1 + (n / %(breakers)s) %% 3], n,
       now() - (%(events)s - n) * interval '3 days' / %(events)s
FROM generate_series(1, %(events)s) n;
INSERT INTO governance_tasks (task_type, title, status, waiting_for)
SELECT 'agent', 'waits', 'parked', 'breaker service-' || (1 + n %% %(breakers)s)
FROM generate_series(1, 5000) n"""

# As printed.
RUNBOOK = "SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'"


def measure(_count: int) -> list[Row]:
    """Milliseconds, the median of some; and whether page and ledger agree."""
    began = time.monotonic()
    _load()
    loaded = time.monotonic() - began
    client = dead_letters.client()
    where = f"at {LINES:,} lines"
    rows = [
        Row(f"console: cost, {span}, {where}", _page(client, f"/admin/costs/?span={span}"), "ms", GOAL)
        for span in ("1h", "24h", "7d", "30d")
    ]
    rows.append(Row("its part that is refreshed, 24h", _page(client, "/admin/costs/figures/"), "ms", GOAL))
    rows.append(
        Row(
            "console: cost, 30d, one worker",
            _page(client, "/admin/costs/?span=30d&worker_id=ANALYST"),
            "ms",
            GOAL,
        )
    )
    rows.append(
        Row(
            f"console: breakers, {BREAKERS} with {EVENTS:,} events",
            _page(client, "/admin/breakers/"),
            "ms",
            GOAL,
        )
    )
    rows.append(Row(f"console: overview, {where}", _page(client, "/admin/"), "ms", GOAL))
    rows += [
        Row("sums of 30 days", _median(lambda: costs.summed(costs.last(hours=720))), "ms"),
        Row(
            "ten dearest tasks of 30 days",
            _median(lambda: costs.dearest_tasks(costs.last(hours=720))),
            "ms",
            GOAL,
        ),
        Row(
            "ten dearest tasks of 24 hours",
            _median(lambda: costs.dearest_tasks(costs.last(hours=24))),
            "ms",
            GOAL,
        ),
        Row("pace of every budget", _median(costs.paces), "ms"),
        Row("runbook: the last 24 hours", _median(lambda: measures.scalar(RUNBOOK)), "ms"),
        Row("sums that differ from the ledger", _differences(), "USD", "0"),
        Row("lines loaded, summaries filled", loaded, "s"),
    ]
    return rows


def _differences() -> float:
    """Between what the selector says and what the ledger says, over spans whose edges are odd."""
    beyond = 0.0
    for hours in (0.37, 24, 719.51):
        span = costs.last(hours=hours)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(cost_usd) FROM api_cost_tracking WHERE created_at > %s", [span.after])
            beyond += abs(float(costs.summed(span).total.cost_usd - cursor.fetchone()[0]))
    return beyond


def _page(client: Any, address: str) -> float:
    return _median(lambda: dead_letters.get(client, address))


def _median(work: Callable[[], object]) -> float:
    return statistics.median(dead_letters.milliseconds(work) for _ in range(SAMPLES))


def _load() -> None:
    """The ledger with its triggers off, as a restore does it; then its summaries from what is there."""
    measures.clear()
    _run("TRUNCATE api_cost_tracking, cost_hours, task_costs, circuit_breakers, circuit_breaker_events")
    for statement, count in ((_TASKS, TASKS), (_LINES, LINES)):
        _run("ALTER TABLE api_cost_tracking DISABLE TRIGGER USER")
        for begin in range(0, count, BATCH):
            _run(statement, begin=begin, end=begin + BATCH - 1)
    _run("ALTER TABLE api_cost_tracking ENABLE TRIGGER USER")
    _run(_FILLED)
    _run(_BREAKERS, breakers=BREAKERS, events=EVENTS)
    _run("VACUUM ANALYZE api_cost_tracking, cost_hours, task_costs, governance_tasks, circuit_breaker_events")
    budgets.set_limits("FLEET", limits={"daily_limit": None}, actor=measures.ACTOR)


def _run(statement: str, **parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
