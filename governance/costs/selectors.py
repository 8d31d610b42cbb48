"""The questions that API and commands ask about money spent: sums, the most expensive tasks, burn rates, the
ledger."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field

from governance import costs, pagination
from governance.access.actors import Actor
from governance.costs import BurnRate, Costs, Span
from governance.db import bounded_queries
from governance.errors import FieldError, InvalidFilter
from governance.models import CostLine
from governance.pagination import Asked, Page, Row
from governance.tasks.schemas import Text, Time

PERMISSION = "governance.view_costline"
LINE = (
    "id", "hold_id", "line", "kind", "worker_id", "task_id", "service", "model", "cost_usd", "price_source",
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
    "request_id", "actor", "reason", "created_at", "booked_at",
)  # fmt: skip
# A year and a leap day.
MAX_HOURS = 366 * 24
_ONLY = {
    "worker": "worker_id", "model": "model", "service": "service", "task_type": "task_type",
    "source": "price_source",
}  # fmt: skip


class SpanFilter(BaseModel):
    """Which calls are summed up: those of the last `hours`, or those after one time up to another one; of
    one worker, model, service, task type or price source. `top` is how many of the most expensive tasks are
    told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: Annotated[float, Field(gt=0, le=MAX_HOURS, allow_inf_nan=False)] | None = None
    after: Time | None = None
    until: Time | None = None
    worker: Text | None = None
    model: Text | None = None
    service: Text | None = None
    task_type: Text | None = None
    source: CostLine.Source | None = None
    top: Annotated[int, Field(ge=0, le=pagination.MAX_LIMIT)] = 10

    def span(self) -> Span:
        """Raises `InvalidFilter` for a span that contradicts itself."""
        if self.after is None:
            if self.until is not None:
                raise _wrong("until", "expected together with after")
            return costs.last(hours=24 if self.hours is None else self.hours)
        if self.hours is not None:
            raise _wrong("hours", "expected without after: one of both")
        if self.until is not None and self.until <= self.after:
            raise _wrong("until", "a time later than after is expected")
        if (self.until or timezone.now()) - self.after > timedelta(hours=MAX_HOURS):
            raise _wrong("after", "at most 366 days can be summed up at once")
        return Span(self.after, self.until)

    @property
    def only(self) -> dict[str, str]:
        named = {column: getattr(self, name) for name, column in _ONLY.items()}
        return {column: str(value) for column, value in named.items() if value is not None}


class LineFilter(BaseModel):
    """Which lines of the ledger are meant. Lists mean any of them; times are those of the calls."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    worker: list[Text] | None = None
    task: list[UUID] | None = None
    hold: list[UUID] | None = None
    service: list[Text] | None = None
    model: list[Text] | None = None
    kind: list[CostLine.Kind] | None = None
    source: list[CostLine.Source] | None = None
    created_after: Time | None = None
    created_before: Time | None = None

    def condition(self) -> Q:
        """What must hold of them, whenever the calls were made."""
        named: dict[str, Any] = {
            "worker_id__in": self.worker,
            "task_id__in": self.task,
            "hold_id__in": self.hold,
            "service__in": self.service,
            "model__in": self.model,
            "kind__in": self.kind,
            "price_source__in": self.source,
        }
        return Q(**{column: value for column, value in named.items() if value is not None})

    def within(self) -> Q:
        """When the calls were made."""
        spans = {"created_at__gte": self.created_after, "created_at__lt": self.created_before}
        return Q(**{column: value for column, value in spans.items() if value is not None})


def summed(asked: Asked, *, actor: Actor) -> Row:
    """The sums of a span, to the last digit what `SELECT SUM(cost_usd) FROM api_cost_tracking` says.

    The most expensive tasks are those of all calls of the span: none are told when only some are summed up.
    """
    actor.require(PERMISSION)
    chosen = pagination.parse_whole(SpanFilter, asked)
    span = chosen.span()
    most_expensive = (
        costs.most_expensive_tasks(span, limit=chosen.top) if chosen.top and not chosen.only else []
    )
    return _told(span, costs.aggregate(span, **chosen.only)) | {
        "most_expensive_tasks": None if chosen.only else [asdict(task) for task in most_expensive]
    }


def burn_rates(*, actor: Actor) -> list[Row]:
    """Every budget's windows, what they burn in an hour, and when their money ends at this pace."""
    actor.require("governance.view_workerbudget")
    return [_pace(pace) for pace in costs.estimate_burn_rates()]


def lines(asked: Asked, *, actor: Actor) -> Page:
    """A page of the ledger, the latest calls first."""
    actor.require(PERMISSION)
    chosen = pagination.parse(LineFilter, asked)
    rows, options = CostLine.objects.filter(chosen.within()), pagination.options(asked)
    if last := options.after(size=16):
        at, line_id = pagination.moment_of(last[:8]), int.from_bytes(last[8:]) & 0x7FFF_FFFF_FFFF_FFFF
        rows = rows.filter(Q(created_at__lt=at) | Q(id__lt=line_id), created_at__lte=at)
    return bounded_queries.page_by_time(
        rows, chosen.condition(), columns=LINE, limit=options.limit, key=_key_of_line,
        is_indexed=chosen.task is not None or chosen.hold is not None,
    )  # fmt: skip


def _told(span: Span, found: Costs) -> Row:
    return {
        "after": span.after,
        "until": span.until,
        "cost_usd": found.total.cost_usd,
        "calls": found.total.calls,
        "lines": found.total.lines,
        "unpriced_usd": found.unpriced_usd,
        "unknown_usd": found.unknown_usd,
        "by_worker": [asdict(each) for each in found.by_worker_id],
        "by_model": [asdict(each) for each in found.by_model],
        "by_service": [asdict(each) for each in found.by_service],
        "by_task_type": [asdict(each) for each in found.by_task_type],
        "by_source": [asdict(each) for each in found.by_price_source],
        "by_hour": [asdict(each) for each in found.by_hour],
    }


def _pace(pace: BurnRate) -> Row:
    return {
        "scope": pace.standing.scope,
        "kind": pace.standing.kind,
        "ends_at": pace.standing.ends_at,
        "limit_usd": pace.standing.limit_usd,
        "free_usd": pace.standing.free_usd,
        "last_hour_usd": pace.last_hour_usd,
        "last_quarter_usd": pace.last_quarter_usd,
        "per_hour_usd": pace.per_hour_usd,
        "runs_out_at": pace.runs_out_at,
    }


def _key_of_line(row: Row) -> bytes:
    at: datetime = row["created_at"]
    return pagination.moment_key(at) + int(row["id"]).to_bytes(8)


def _wrong(field: str, message: str) -> InvalidFilter:
    return InvalidFilter([FieldError(field, message)])
