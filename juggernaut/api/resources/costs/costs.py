"""`/api/costs`: what was spent, line by line and summed up, and corrections."""

from datetime import datetime
from decimal import Decimal
from typing import get_type_hints
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance import budgets
from governance.costs import selectors as cost_selectors
from governance.costs.aggregates import HourSum, Sum
from governance.costs.top_spenders import TaskSum
from governance.errors import HoldNotFound
from governance.models import CostLine
from governance.models.budget import BudgetWindow
from governance.pagination import Row
from governance.tasks.schemas import Money
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, page, record
from juggernaut.api.path_parameters import HOLD_ID
from juggernaut.api.resource import TASKS, Resource, answer
from juggernaut.api.schemas import ReasonRequired

COSTS = "/api/costs"


class Correction(ReasonRequired):
    """What the call cost altogether, in USD, and where that figure comes from."""

    cost_usd: Money
    source: CostLine.Source = CostLine.Source.MANUAL


_SUM, _HOUR = record("CostSum", **get_type_hints(Sum)), record("CostHour", **get_type_hints(HourSum))
_DEAREST = record("DearestTask", url=str, **get_type_hints(TaskSum))
_SUMS = record(
    "Costs",
    "Sums in USD. `most_expensive_tasks` is null when only some calls are summed up.",
    after=datetime,
    until=datetime | None,
    cost_usd=Decimal,
    calls=int,
    lines=int,
    unpriced_usd=Decimal,
    unknown_usd=Decimal,
    most_expensive_tasks=many(_DEAREST) | None,
    by_hour=many(_HOUR),
    **{f"by_{name}": many(_SUM) for name in ("worker", "model", "service", "task_type", "source")},
)
_LINE = columns("CostLine", CostLine, cost_selectors.LINE, correct_url=str)
_PACE = record(
    "Pace",
    scope=str,
    kind=BudgetWindow.Kind,
    ends_at=datetime | None,
    limit_usd=Decimal | None,
    free_usd=Decimal | None,
    last_hour_usd=Decimal,
    last_quarter_usd=Decimal,
    per_hour_usd=Decimal,
    runs_out_at=datetime | None,
)
_CORRECTED = record("CorrectedCost", hold_id=UUID, charged_usd=Decimal, difference_usd=Decimal)


@endpoint(
    "Costs",
    get=Operation("get_costs", "Sum up what was spent", {200: _SUMS}, filters=cost_selectors.SpanFilter),
)
class CostAggregates(Resource):
    """`/api/costs`: of the last 24 hours, or of another span."""

    def get(self, request: Request) -> HttpResponse:
        found = cost_selectors.summed(self.asked, actor=self.actor)
        return answer(found | {"most_expensive_tasks": self._linked(found["most_expensive_tasks"])})

    def _linked(self, tasks: list[Row] | None) -> list[Row] | None:
        here = self.address(TASKS)
        return tasks and [task | {"url": f"{here}/{task['task_id']}"} for task in tasks]


@endpoint(
    "Costs",
    get=Operation(
        "list_cost_lines",
        "List the ledger, the latest calls first",
        {200: page("lines", _LINE)},
        filters=cost_selectors.LineFilter,
        is_paged=True,
    ),
)
class CostLines(Resource):
    """`/api/costs/lines`: the ledger."""

    def get(self, request: Request) -> HttpResponse:
        page = cost_selectors.lines(self.asked, actor=self.actor)
        here = self.address(COSTS)
        rows = [row | {"correct_url": f"{here}/{row['hold_id']}/correct"} for row in page.rows]
        return self.page("lines", page, rows)


@endpoint(
    "Costs",
    get=Operation(
        "list_paces",
        "Show how fast budgets burn, and when they end",
        {200: record("BurnRates", burn_rates=many(_PACE))},
    ),
)
class BurnRates(Resource):
    """`/api/costs/burn-rates`: what each budget burns in an hour, and when its money ends at this pace."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"burn_rates": cost_selectors.burn_rates(actor=self.actor)})


@endpoint(
    "Costs",
    of=HOLD_ID,
    post=Operation(
        "correct_cost",
        "Say what a call cost altogether",
        {200: _CORRECTED},
        body=Correction,
        refuses=(409,),
        examples={"by the invoice": {"cost_usd": "0.012", "reason": "invoice of May"}},
    ),
)
class Correct(Resource):
    """`/api/costs/{hold}/correct`: saying it twice books it once. 409 while the hold is open."""

    def post(self, request: Request, name: str) -> HttpResponse:
        said, hold = shapes.read(request, Correction), _hold_id(name)
        difference = budgets.correct(
            hold, cost_usd=said.cost_usd, actor=self.actor, reason=said.reason, source=said.source
        )
        return answer({"hold_id": hold, "charged_usd": said.cost_usd, "difference_usd": difference})


def _hold_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise HoldNotFound(text) from None
