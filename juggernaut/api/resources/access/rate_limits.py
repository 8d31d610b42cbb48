"""`/api/rate-limits`: how often tools and services may be called."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import rate_limits
from governance.access.rate_limits import Rate
from governance.models import RateLimit
from governance.pagination import parse_whole
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.path_parameters import RATE_LIMIT
from juggernaut.api.resource import Resource, answer
from juggernaut.api.schemas import ReasonRequired

RATE_LIMITS = "/api/rate-limits"


_COLUMNS = ("name", "max_calls", "per_seconds", "set_by", "set_at")
_RATE_LIMIT = columns("RateLimit", RateLimit, _COLUMNS)


class RateLimitRequest(Rate, ReasonRequired):
    """So many calls in any span of so many seconds."""


@endpoint(
    "Rate limits",
    get=Operation(
        "list_rate_limits",
        "List the rate limits of tools and services",
        {200: record("RateLimits", rate_limits=many(_RATE_LIMIT))},
    ),
)
class RateLimits(Resource):
    """`/api/rate-limits`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"rate_limits": [_told(row) for row in rate_limits.all_limits(actor=self.actor)]})


@endpoint(
    "Rate limits",
    of=RATE_LIMIT,
    put=Operation(
        "set_rate_limit",
        "Limit how often a tool or service is called",
        {200: _RATE_LIMIT},
        body=RateLimitRequest,
        examples={"once a second": {"max_calls": 60, "per_seconds": 60, "reason": "their new terms"}},
    ),
    delete=Operation(
        "remove_rate_limit", "Remove a rate limit", {204: None}, filters=ReasonRequired, refuses=(404,)
    ),
)
class RateLimitDetail(Resource):
    """`/api/rate-limits/{name}`: `PUT` sets it, `DELETE` removes it."""

    def put(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, RateLimitRequest).model_dump()
        return answer(_told(rate_limits.set_limit(name, actor=self.actor, **said)))

    def delete(self, request: Request, name: str) -> HttpResponse:
        rate_limits.remove(name, actor=self.actor, reason=parse_whole(ReasonRequired, self.asked).reason)
        return HttpResponse(status=204)


def _told(row: RateLimit) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS}
