"""`/api/prices`: what operators say that models cost, where the price list does not know."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import selectors as gate_selectors
from governance.costs import operator_prices
from governance.costs.operator_prices import Rates
from governance.models import ModelPrice
from governance.tasks.schemas import Text
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, page, record
from juggernaut.api.resource import Resource, answer
from juggernaut.api.schemas import ReasonRequired


class PriceName(ReasonRequired):
    service: Text
    model: Text


class PriceRequest(PriceName, Rates):
    """USD per million tokens; what is left out is what `Rates` says."""


_PRICE = columns("Price", ModelPrice, gate_selectors.PRICE)
_NAMED = {"service": "local", "model": "lab/m"}


@endpoint(
    "Costs",
    get=Operation(
        "list_prices",
        "List the prices that operators have set",
        {200: page("prices", _PRICE)},
        filters=gate_selectors.PriceFilter,
        is_paged=True,
    ),
    post=Operation(
        "set_price",
        "Say what a model costs",
        {200: _PRICE},
        body=PriceRequest,
        examples={"by tokens": {**_NAMED, "input_usd_per_mtok": "0.1", "output_usd_per_mtok": "0.2"}},
    ),
)
class Prices(Resource):
    """`/api/prices`."""

    def get(self, request: Request) -> HttpResponse:
        page = gate_selectors.listed_prices(self.asked, actor=self.actor)
        return self.page("prices", page, page.rows)

    def post(self, request: Request) -> HttpResponse:
        """Set exactly these rates; saying it twice sets them once."""
        said: dict[str, Any] = shapes.read(request, PriceRequest).model_dump()
        row = operator_prices.set_price(said.pop("service"), said.pop("model"), actor=self.actor, **said)
        return answer({column: getattr(row, column) for column in gate_selectors.PRICE})


@endpoint(
    "Costs",
    post=Operation(
        "remove_price",
        "Forget the price of a model",
        {200: record("RemovedPrice", removed=record("PricedModel", service=str, model=str))},
        body=PriceName,
        refuses=(404,),
        examples={"a model": {**_NAMED, "reason": "the price list knows it now"}},
    ),
)
class Remove(Resource):
    """`/api/prices/remove`: 404 when there is no such price, e.g. since it was removed already."""

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, PriceName)
        operator_prices.remove_price(asked.service, asked.model, actor=self.actor, reason=asked.reason)
        return answer({"removed": {"service": asked.service, "model": asked.model}})
