"""The most expensive tasks of a span of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from governance.costs.aggregates import Span, hour_of

MOST = 10
# A first look takes so many tasks more than are asked for: those that live across the edge of the span.
_MARGIN = 20


@dataclass(frozen=True, slots=True)
class TaskSum:
    """What a task cost in the span, in USD. `title` is None if the task has been deleted."""

    task_id: UUID
    title: str | None
    task_type: str
    cost_usd: Decimal
    lines: int


def most_expensive_tasks(span: Span, *, limit: int = MOST) -> list[TaskSum]:
    """The tasks that cost most in the span, most expensive first, tasks that cost nothing left out.

    No task costs more in a span than altogether (no call is booked below zero), so candidates are looked
    at in the order of all that they cost, until none that is left could be among the most expensive.
    """
    taken = limit + _MARGIN
    while True:
        candidates = _rows(_CANDIDATES, hour=hour_of(span.after), until=_end(span), taken=taken)
        found = _exact(candidates, span)[:limit]
        is_all = len(candidates) < taken
        if is_all or (len(found) == limit and found[-1][2] >= candidates[-1][1]):
            return _named(found)
        taken *= 4


def _exact(candidates: Sequence[tuple[Any, ...]], span: Span) -> list[tuple[Any, ...]]:
    """Id, type, USD and lines of these candidates in the span: from the ledger, if part lies without."""
    known = [
        (task_id, task_type, usd, lines)
        for task_id, usd, task_type, lines, first_at, last_at in candidates
        if _is_within(span, first_at, last_at)
    ]
    across = [row[0] for row in candidates if not _is_within(span, row[4], row[5])]
    if across:
        known += _rows(_WITHIN, tasks=across, after=span.after, until=_end(span))
    return sorted((row for row in known if row[2] > 0), key=lambda row: (-row[2], row[0]))


def _is_within(span: Span, first_at: datetime, last_at: datetime) -> bool:
    return first_at > span.after and (span.until is None or last_at <= span.until)


def _named(found: Sequence[tuple[Any, ...]]) -> list[TaskSum]:
    titles = dict(_rows(_TITLES, tasks=[row[0] for row in found])) if found else {}
    return [
        TaskSum(task_id, titles.get(task_id), task_type, usd, lines)
        for task_id, task_type, usd, lines in found
    ]


def _end(span: Span) -> datetime | str:
    return "infinity" if span.until is None else span.until


def _rows(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


# The most expensive of each hour in which tasks made their last call: a few entries of an index for each of
# the hours, which are found by jumping from one to the next.
_CANDIDATES = """
WITH RECURSIVE hours(hour) AS (
  (SELECT last_hour FROM task_costs WHERE last_hour >= %(hour)s ORDER BY last_hour LIMIT 1)
  UNION ALL
  SELECT (SELECT t.last_hour FROM task_costs t WHERE t.last_hour > h.hour ORDER BY t.last_hour LIMIT 1)
  FROM hours h WHERE h.hour IS NOT NULL)
SELECT d.task_id, d.cost_usd, d.task_type, d.lines, d.first_at, d.last_at
FROM hours CROSS JOIN LATERAL (
  SELECT * FROM task_costs t WHERE t.last_hour = hours.hour AND t.first_at <= %(until)s
  ORDER BY t.cost_usd DESC LIMIT %(taken)s) d
ORDER BY d.cost_usd DESC, d.task_id LIMIT %(taken)s"""

_WITHIN = """
SELECT task_id, (SELECT t.task_type FROM task_costs t WHERE t.task_id = l.task_id), sum(cost_usd), count(*)
FROM api_cost_tracking l
WHERE task_id = ANY(%(tasks)s::uuid[]) AND created_at > %(after)s AND created_at <= %(until)s
GROUP BY task_id"""

_TITLES = "SELECT id, title FROM governance_tasks WHERE id = ANY(%(tasks)s::uuid[])"
