"""Sums of the ledger over a span of time, grouped in every way that is asked for, in one query."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from governance.models import CostLine, TaskCost

HOUR = timedelta(hours=1)
# By what sums are grouped and filtered; `hour` is the hour of the call, UTC.
DIMENSIONS = ("worker_id", "model", "service", "task_type", "price_source")
GROUPED = (*DIMENSIONS, "hour")
# `grouping` sets a bit for each column that a row is not grouped by, the first one highest.
_ALL = (1 << len(GROUPED)) - 1
_UNKNOWN = (CostLine.Source.UNKNOWN, CostLine.Source.EXPIRED)


@dataclass(frozen=True, slots=True)
class Span:
    """The calls after a moment, up to and with another one; None is no end, as in the runbook's query."""

    after: datetime
    until: datetime | None = None

    def bounds(self) -> dict[str, datetime | str]:
        """The whole hours `first` to `last` (without it), and what lies before and after them."""
        first, endless = hour_of(self.after) + HOUR, self.until is None
        last = "infinity" if self.until is None else max(hour_of(self.until), first)
        is_short = self.until is not None and self.until < first
        return {
            "after": self.after,
            "until": "infinity" if self.until is None else self.until,
            "first": first,
            "last": last,
            "tail": "infinity" if endless or is_short else last,
        }


@dataclass(frozen=True, slots=True)
class Sum:
    """What a group of calls cost, in USD. `name` is what they share: a worker, a model, … ('' is unknown)."""

    name: str
    cost_usd: Decimal
    calls: int
    lines: int


@dataclass(frozen=True, slots=True)
class HourSum:
    """What the calls of an hour cost, in USD; at the edges of a span, of that part of the hour."""

    hour: datetime
    cost_usd: Decimal
    calls: int


@dataclass(slots=True)
class Costs:
    """The sums of a span, most expensive first; hours oldest first, those in which nothing was booked left
    out."""

    total: Sum = field(default_factory=lambda: Sum("", Decimal(0), 0, 0))
    by_worker_id: list[Sum] = field(default_factory=list)
    by_model: list[Sum] = field(default_factory=list)
    by_service: list[Sum] = field(default_factory=list)
    by_task_type: list[Sum] = field(default_factory=list)
    by_price_source: list[Sum] = field(default_factory=list)
    by_hour: list[HourSum] = field(default_factory=list)

    @property
    def unpriced_usd(self) -> Decimal:
        """Booked as the whole hold, because nobody knew the price. Corrections are in other sources."""
        return self._of_sources(CostLine.Source.UNPRICED)

    @property
    def unknown_usd(self) -> Decimal:
        """Booked as the whole hold, because nobody knew what became of the call (unknown or expired)."""
        return self._of_sources(*_UNKNOWN)

    def _of_sources(self, *sources: str) -> Decimal:
        return sum((s.cost_usd for s in self.by_price_source if s.name in sources), Decimal(0))


def last(*, hours: float, now: datetime | None = None) -> Span:
    """The span that began so many hours ago and has no end."""
    return Span((now or timezone.now()) - timedelta(hours=hours))


def hour_of(at: datetime) -> datetime:
    """The beginning of its hour, UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def aggregate(span: Span, **only: str) -> Costs:
    """All sums of a span in one query. `only` keeps one worker_id, model, service, task_type, price_source.

    Raises `TypeError` for another name.
    """
    with connection.cursor() as cursor:
        cursor.execute(*question(span, **only))
        return answered(cursor.fetchall())


def of_task(task_id: UUID) -> Decimal:
    """What the ledger says that a task cost, in USD, charges without a price and corrections included."""
    return TaskCost.objects.filter(pk=task_id).values_list("cost_usd", flat=True).first() or Decimal(0)


def of_task_since_stop(task_id: UUID) -> Decimal:
    """What a task's calls since its last stop (`TaskStep`) cost, in USD; all of them, if it had none.
    A correction counts with its call, whenever it is booked."""
    with connection.cursor() as cursor:
        cursor.execute(_SINCE_STOP, {"task": str(task_id)})
        spent: Decimal = cursor.fetchone()[0]
    return spent


_SINCE_STOP = """
SELECT coalesce(sum(cost_usd), 0) FROM api_cost_tracking
WHERE task_id = %(task)s::uuid AND created_at > coalesce(
  (SELECT max(created_at) FROM task_steps WHERE task_id = %(task)s::uuid AND kind = 'stop'), '-infinity')"""


def question(span: Span, **only: str) -> tuple[str, dict[str, Any]]:
    """The statement that `summed` asks, and its parameters: for who asks it on a connection of his own."""
    if wrong := only.keys() - set(DIMENSIONS):
        raise TypeError(
            f"no dimension of costs: {', '.join(sorted(wrong))}; expected {', '.join(DIMENSIONS)}"
        )
    kept = " AND ".join(f"{name} = %({name})s" for name in only) or "true"
    return _SUMS.format(kept=kept), {**span.bounds(), **only}


def answered(rows: Iterable[Iterable[Any]]) -> Costs:
    """What the rows say that answer a `question`."""
    found = Costs()
    for row in rows:
        _take(found, row)
    return found


def _take(found: Costs, row: Iterable[Any]) -> None:
    """Put one row of `_SUMS` where it belongs."""
    bits, *names, hour, usd, calls, lines = row
    grouped = GROUPED[len(GROUPED) - (~bits & _ALL).bit_length()] if bits != _ALL else ""
    if not grouped:
        found.total = Sum("", usd or Decimal(0), int(calls or 0), int(lines or 0))
    elif grouped == "hour":
        found.by_hour.append(HourSum(hour, usd, int(calls)))
    else:
        name = names[DIMENSIONS.index(grouped)]
        getattr(found, f"by_{grouped}").append(Sum(name, usd, int(calls), int(lines)))


# `edges` is what lies around the whole hours, first summed up by task: the type of a task stands with its
# costs. Grouping sets, in the order of GROUPED, read all of it once.
_SUMS = """
WITH edges AS (
  SELECT date_trunc('hour', created_at, 'UTC') AS hour, worker_id, service, model, price_source, task_id,
         sum(cost_usd) AS cost_usd, count(*) FILTER (WHERE kind = 'call') AS calls, count(*) AS lines
  FROM (SELECT * FROM api_cost_tracking
        WHERE created_at > %(after)s AND created_at < %(first)s AND created_at <= %(until)s
        UNION ALL
        SELECT * FROM api_cost_tracking WHERE created_at >= %(tail)s AND created_at <= %(until)s) parts
  GROUP BY 1, 2, 3, 4, 5, 6),
facts AS (
  SELECT hour, worker_id, service, model, task_type, price_source, cost_usd, calls, lines FROM cost_hours
  WHERE hour >= %(first)s AND hour < %(last)s
  UNION ALL
  SELECT hour, worker_id, service, model,
         coalesce((SELECT t.task_type FROM task_costs t WHERE t.task_id = edges.task_id), ''),
         price_source, cost_usd, calls, lines FROM edges)
SELECT grouping(worker_id, model, service, task_type, price_source, hour) AS bits,
       worker_id, model, service, task_type, price_source, hour,
       sum(cost_usd) AS usd, sum(calls) AS calls, sum(lines) AS lines
FROM facts WHERE {kept}
GROUP BY GROUPING SETS ((worker_id), (model), (service), (task_type), (price_source), (hour), ())
ORDER BY hour, usd DESC, worker_id, model, service, task_type, price_source"""
