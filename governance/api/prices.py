"""`/api/prices`: what operators say that models cost, where the price list does not know."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance import gate_selectors, model_prices
from governance.api import shapes
from governance.api.columns import columns
from governance.api.description import Operation, describe, page, record
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason
from governance.model_prices import Rates
from governance.models import ModelPrice
from governance.submission import Text


class Priced(Reason):
    service: Text
    model: Text


class PriceSaid(Priced, Rates):
    """USD per million tokens; what is left out is what `Rates` says."""


_PRICE = columns("Price", ModelPrice, gate_selectors.PRICE)
_NAMED = {"service": "local", "model": "lab/m"}


@describe(
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
        body=PriceSaid,
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
        said: dict[str, Any] = shapes.read(request, PriceSaid).model_dump()
        row = model_prices.set_price(said.pop("service"), said.pop("model"), actor=self.actor, **said)
        return answer({column: getattr(row, column) for column in gate_selectors.PRICE})


@describe(
    "Costs",
    post=Operation(
        "remove_price",
        "Forget the price of a model",
        {200: record("RemovedPrice", removed=record("PricedModel", service=str, model=str))},
        body=Priced,
        refuses=(404,),
        examples={"a model": {**_NAMED, "reason": "the price list knows it now"}},
    ),
)
class Remove(Resource):
    """`/api/prices/remove`: 404 when there is no such price, e.g. since it was removed already."""

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, Priced)
        model_prices.remove_price(asked.service, asked.model, actor=self.actor, reason=asked.reason)
        return answer({"removed": {"service": asked.service, "model": asked.model}})
