"""`/api/costs`: what was spent, line by line and summed up, and corrections."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance import budgets, cost_selectors
from governance.api import shapes
from governance.api.resource import TASKS, Resource, answer
from governance.api.shapes import Reason
from governance.errors import HoldNotFound
from governance.models import CostLine
from governance.paging import Row
from governance.submission import Money

COSTS = "/api/costs"


class Correction(Reason):
    """What the call cost altogether, in USD, and where that figure comes from."""

    cost_usd: Money
    source: CostLine.Source = CostLine.Source.MANUAL


class Sums(Resource):
    """`/api/costs`: of the last 24 hours, or of another span."""

    def get(self, request: Request) -> HttpResponse:
        found = cost_selectors.summed(self.asked, actor=self.actor)
        return answer(found | {"dearest_tasks": self._linked(found["dearest_tasks"])})

    def _linked(self, tasks: list[Row] | None) -> list[Row] | None:
        here = self.address(TASKS)
        return tasks and [task | {"url": f"{here}/{task['task_id']}"} for task in tasks]


class Lines(Resource):
    """`/api/costs/lines`: the ledger."""

    def get(self, request: Request) -> HttpResponse:
        page = cost_selectors.lines(self.asked, actor=self.actor)
        here = self.address(COSTS)
        rows = [row | {"correct_url": f"{here}/{row['hold_id']}/correct"} for row in page.rows]
        return self.page("lines", page, rows)


class Paces(Resource):
    """`/api/costs/paces`: what each budget burns in an hour, and when its money ends at this pace."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"paces": cost_selectors.paces(actor=self.actor)})


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
