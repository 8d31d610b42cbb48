"""The dashboard of costs. Every figure comes from `governance.costs`; nothing is summed here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.safestring import SafeString

from governance import costs
from governance.budgets import BudgetBalance
from governance.costs import BurnRate, Costs, HourSum, Span, Sum
from governance.models.budget import FLEET, CostLine
from juggernaut.console.dashboards import charts
from juggernaut.console.dashboards.charts import Part

# By what the page's address names them, in hours.
SPANS = {"1h": 1, "24h": 24, "7d": 7 * 24, "30d": 30 * 24}
USUAL = "24h"
NAMES = {
    "worker_id": "Worker", "model": "Model", "service": "Service", "task_type": "Task type",
    "price_source": "Source of the price",
}  # fmt: skip
SOURCES = dict(CostLine.Source.choices)
NEARLY = Decimal("0.8")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class CostQuery:
    """What the address asks for. `flaw` says what of it could not be understood."""

    span: str
    only: dict[str, str]
    flaw: str = ""

    @property
    def here(self) -> str:
        """The query of this page."""
        return self.link()

    def link(self, **changes: str) -> str:
        """The query of the same page with this changed; an empty value takes a filter away."""
        said = {"span": self.span, **self.only, **changes}
        return "?" + urlencode({name: value for name, value in said.items() if value or name in changes})

    def without(self, name: str) -> str:
        return "?" + urlencode(
            {"span": self.span, **{other: self.only[other] for other in self.only if other != name}}
        )


@dataclass(frozen=True)
class Filter:
    """A filter that is on, and the address without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True)
class Line:
    """A group in a table: its sum, its share as a bar, and the page of it alone."""

    sum: Sum
    label: str
    picture: SafeString
    link: str


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    heading: str
    lines: list[Line]


@dataclass(frozen=True)
class Window:
    """A budget's window as a bar, with its pace. `is_over` when nothing is free any more."""

    pace: BurnRate
    picture: SafeString | None
    is_over: bool
    is_nearly_over: bool

    @property
    def standing(self) -> BudgetBalance:
        return self.pace.standing


def parse_query(address: Mapping[str, str]) -> CostQuery:
    """What a query string asks for; a span that does not exist is the usual one, and said."""
    span = address.get("span", USUAL)
    only = {name: address[name] for name in NAMES if name in address}
    if span in SPANS:
        return CostQuery(span, only)
    return CostQuery(USUAL, only, f"There is no span {span[:20]!r}: one of {', '.join(SPANS)} is expected.")


def context(wanted: CostQuery, *, now: datetime | None = None) -> dict[str, Any]:
    """Everything that the templates of the page name: five queries, however long the ledger."""
    now = now or timezone.now()
    span = costs.last(hours=SPANS[wanted.span], now=now)
    found, paces = costs.aggregate(span, **wanted.only), costs.estimate_burn_rates(now=now)
    fleet = next(pace for pace in paces if (pace.standing.scope, pace.standing.kind) == (FLEET, "day"))
    return {
        "asked": wanted,
        "as_of": now,
        "spans": [(name, wanted.link(span=name)) for name in SPANS],
        "filters": [Filter(NAMES[n], _label(n, v), wanted.without(n)) for n, v in wanted.only.items()],
        "costs": found,
        "fleet": fleet,
        "burning": _first_end(paces),
        "windows": [_window(pace) for pace in paces if _is_limited(pace.standing)],
        "unlimited": [_window(pace) for pace in paces if _is_unlimited(pace.standing)],
        "hours": found.by_hour,
        "columns": _columns(found, span, now),
        "first_hour": _hours(span, now)[0],
        "dearest_hour": max(found.by_hour, key=lambda hour: hour.cost_usd, default=None),
        "tables": [_table(name, found, wanted) for name in NAMES],
        "most_expensive": costs.most_expensive_tasks(span),
    }


def _is_limited(standing: BudgetBalance) -> bool:
    """Who may spend nothing, and did not, is not shown."""
    limit = standing.limit_usd
    return limit is not None and (limit > 0 or standing.spent_usd > 0)


def _is_unlimited(standing: BudgetBalance) -> bool:
    return standing.limit_usd is None and (standing.spent_usd > 0 or standing.held_usd > 0)


def _first_end(paces: list[BurnRate]) -> BurnRate | None:
    """The budget that ends first."""
    ending = [pace for pace in paces if pace.runs_out_at]
    return min(ending, key=lambda pace: pace.runs_out_at or pace.standing.starts_at, default=None)


def _window(pace: BurnRate) -> Window:
    standing = pace.standing
    used = standing.used_usd
    limit = standing.limit_usd
    if limit is None:
        return Window(pace, None, False, False)
    return Window(pace, _bar(standing), limit <= used, NEARLY * limit <= used < limit)


def _bar(standing: BudgetBalance) -> SafeString:
    free = standing.free_usd or Decimal(0)
    spent = max(Decimal(0), standing.spent_usd - standing.overage_usd)
    parts = [
        Part("spent", spent + standing.carried_usd, f"spent {spent + standing.carried_usd:f} USD"),
        Part("overage", standing.overage_usd, f"overage {standing.overage_usd:f} USD"),
        Part("held", standing.held_usd, f"held {standing.held_usd:f} USD"),
        Part("free", free, f"free {free:f} USD"),
    ]
    shown = [part.says for part in parts if part.amount > 0]
    return charts.bar(parts, says=f"{standing.scope}, {standing.kind}: {', '.join(shown) or 'nothing'}")


def _hours(span: Span, now: datetime) -> list[datetime]:
    first = costs.hour_of(span.after)
    return [first + n * _HOUR for n in range((costs.hour_of(now) - first) // _HOUR + 1)]


def _columns(found: Costs, span: Span, now: datetime) -> SafeString:
    """A column for each hour of the span; those without calls are empty."""
    by_hour: dict[datetime, HourSum] = {hour.hour: hour for hour in found.by_hour}
    values = [
        (f"{hour:%Y-%m-%d %H:00} UTC: {by_hour[hour].cost_usd:f} USD", by_hour[hour].cost_usd)
        if hour in by_hour
        else (f"{hour:%Y-%m-%d %H:00} UTC: nothing", Decimal(0))
        for hour in _hours(span, now)
    ]
    return charts.columns(values, says=f"USD by hour, {len(values)} hours, {found.total.cost_usd:f} in all")


def _table(name: str, found: Costs, wanted: CostQuery) -> Table:
    sums: list[Sum] = getattr(found, f"by_{name}")
    most = max((group.cost_usd for group in sums), default=Decimal(0))
    lines = [
        Line(
            group,
            _label(name, group.name),
            charts.share(group.cost_usd, most),
            wanted.link(**{name: group.name}),
        )
        for group in sums
    ]
    return Table(name, f"By {NAMES[name].lower()}", NAMES[name], lines)


def _label(name: str, value: str) -> str:
    if name == "price_source":
        return SOURCES.get(value, value)
    return value or "not said"
