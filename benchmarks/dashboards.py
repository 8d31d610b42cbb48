"""What the dashboards take when the ledger is long: pages, sums and the runbook's query.

    python -m benchmarks dashboards

The ledger is that of `manage.py load_sample`: thirty days, its summaries kept by its own trigger.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from benchmarks import dead_letters, measures
from benchmarks.report import Row
from governance import budgets, costs
from juggernaut import sample

SIZE = sample.Size(letters=0, calls=0)
SAMPLES = 20
GOAL = "200"
# As printed.
RUNBOOK = "SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'"


def measure(_count: int) -> list[Row]:
    """Milliseconds, the median of some; and whether page and ledger agree."""
    began = time.monotonic()
    _load()
    loaded = time.monotonic() - began
    client = dead_letters.client()
    where = f"at {SIZE.lines:,} lines"
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
            "console: breakers, 30 with 15,000 events",
            _page(client, "/admin/breakers/"),
            "ms",
            GOAL,
        )
    )
    rows.append(Row(f"console: overview, {where}", _page(client, "/admin/"), "ms", GOAL))
    rows += [
        Row("sums of 30 days", _median(lambda: costs.aggregate(costs.last(hours=720))), "ms"),
        Row(
            "ten most expensive tasks of 30 days",
            _median(lambda: costs.most_expensive_tasks(costs.last(hours=720))),
            "ms",
            GOAL,
        ),
        Row(
            "ten most expensive tasks of 24 hours",
            _median(lambda: costs.most_expensive_tasks(costs.last(hours=24))),
            "ms",
            GOAL,
        ),
        Row("pace of every budget", _median(costs.estimate_burn_rates), "ms"),
        Row("runbook: the last 24 hours", _median(lambda: measures.scalar(RUNBOOK)), "ms"),
        Row("sums that differ from the ledger", _differences(), "USD", "0"),
        Row("lines loaded with their holds", loaded, "s"),
    ]
    return rows


def _differences() -> float:
    """Between what the selector says and what the ledger says, over spans whose edges are odd."""
    beyond = 0.0
    for hours in (0.37, 24, 719.51):
        span = costs.last(hours=hours)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(cost_usd) FROM api_cost_tracking WHERE created_at > %s", [span.after])
            beyond += abs(float(costs.aggregate(span).total.cost_usd - cursor.fetchone()[0]))
    return beyond


def _page(client: Any, address: str) -> float:
    return _median(lambda: dead_letters.get(client, address))


def _median(work: Callable[[], object]) -> float:
    return statistics.median(dead_letters.milliseconds(work) for _ in range(SAMPLES))


def _load() -> None:
    measures.clear()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE api_cost_tracking, cost_hours, task_costs, budget_holds, budget_windows")
    for _ in sample.load(SIZE):
        pass
    budgets.set_limits("FLEET", limits={"daily_limit": None}, actor=measures.ACTOR)
