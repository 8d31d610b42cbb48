"""`/api/retention`: how long everything is kept."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance import retention
from governance.api import bodies
from governance.api.resource import Resource, answer
from governance.errors import FieldError, InvalidInput
from governance.models import RetentionRule

_MAX_BODY = 16 * 1024
_FIELDS = ("keep_days", "reason")


class Retention(Resource):
    """`/api/retention`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"retention": [_told(rule) for rule in retention.known(actor=self.actor)]})


class RetentionDetail(Resource):
    """`/api/retention/{rule}`: `PATCH` changes how many days; null is for ever."""

    def patch(self, request: Request, name: str) -> HttpResponse:
        days, reason = _read(request)
        return answer(_told(retention.keep(name, days=days, actor=self.actor, reason=reason)))


def _read(request: Request) -> tuple[int | None, str]:
    said = bodies.read_object(request, limit=_MAX_BODY)
    wrong = [
        FieldError(name, f"unknown; expected {', '.join(_FIELDS)}") for name in said.keys() - set(_FIELDS)
    ]
    days, reason = said.get("keep_days"), said.get("reason", "")
    if "keep_days" not in said or not _is_days(days):
        wrong.append(FieldError("keep_days", "a whole number of days is expected, or null for ever"))
    if not isinstance(reason, str):
        wrong.append(FieldError("reason", "a text is expected"))
    if wrong:
        raise InvalidInput(wrong)
    return days, reason


def _is_days(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _told(rule: RetentionRule) -> dict[str, Any]:
    return {
        name: getattr(rule, name) for name in ("name", "what", "keep_days", "least_days", "pruned_before")
    }
