"""`/api/prices`: what operators say that models cost, where the price list does not know."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance import gate_selectors, model_prices
from governance.api import shapes
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason
from governance.model_prices import Rates
from governance.submission import Text


class Priced(Reason):
    service: Text
    model: Text


class Said(Priced, Rates):
    """USD per million tokens; what is left out is what `Rates` says."""


class Prices(Resource):
    """`/api/prices`."""

    def get(self, request: Request) -> HttpResponse:
        page = gate_selectors.listed_prices(self.asked, actor=self.actor)
        return self.page("prices", page, page.rows)

    def post(self, request: Request) -> HttpResponse:
        """Set exactly these rates; saying it twice sets them once."""
        said: dict[str, Any] = shapes.read(request, Said).model_dump()
        row = model_prices.set_price(said.pop("service"), said.pop("model"), actor=self.actor, **said)
        return answer({column: getattr(row, column) for column in gate_selectors.PRICE})


class Remove(Resource):
    """`/api/prices/remove`: 404 when there is no such price, e.g. since it was removed already."""

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, Priced)
        model_prices.remove_price(asked.service, asked.model, actor=self.actor, reason=asked.reason)
        return answer({"removed": {"service": asked.service, "model": asked.model}})
