"""`/api/rate-limits`: how often tools and services may be called."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance import rate_limits
from governance.api import bodies
from governance.api.resource import Resource, answer
from governance.errors import FieldError, InvalidInput
from governance.models import RateLimit

RATE_LIMITS = "/api/rate-limits"
_MAX_BODY = 16 * 1024
_FIELDS = ("max_calls", "per_seconds", "reason")


class RateLimits(Resource):
    """`/api/rate-limits`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"rate_limits": [_told(row) for row in rate_limits.known(actor=self.actor)]})


class RateLimitDetail(Resource):
    """`/api/rate-limits/{name}`: `PUT` sets it, `DELETE` removes it."""

    def put(self, request: Request, name: str) -> HttpResponse:
        said = _read(request)
        reason = said.pop("reason", "")
        row = rate_limits.set_limit(name, actor=self.actor, reason=reason, **({"max_calls": None} | said))
        return answer(_told(row))

    def delete(self, request: Request, name: str) -> HttpResponse:
        reason = self.asked.get("reason", [""])[0]
        rate_limits.remove(name, actor=self.actor, reason=reason)
        return HttpResponse(status=204)


def _read(request: Request) -> dict[str, Any]:
    said = bodies.read_object(request, limit=_MAX_BODY)
    wrong = [
        FieldError(name, f"unknown; expected {', '.join(_FIELDS)}") for name in said.keys() - set(_FIELDS)
    ]
    if not isinstance(said.get("reason", ""), str):
        wrong.append(FieldError("reason", "a text is expected"))
    if wrong:
        raise InvalidInput(wrong)
    return said


def _told(row: RateLimit) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "max_calls", "per_seconds", "set_by", "set_at")}
