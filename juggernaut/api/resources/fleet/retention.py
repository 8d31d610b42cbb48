"""`/api/retention`: how long everything is kept."""

from typing import Annotated, Any

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance import retention
from governance.models import RetentionRule
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.path_parameters import RETENTION_RULE
from juggernaut.api.resource import Resource, answer
from juggernaut.api.schemas import ReasonOptional

_COLUMNS = ("name", "what", "keep_days", "least_days", "pruned_before")
_RULE = columns("RetentionRule", RetentionRule, _COLUMNS)


class RetentionRequest(ReasonOptional):
    """For so many days; null is for ever, or, for what is part of a task, as long as the task."""

    keep_days: Annotated[int, Field(strict=True, ge=1)] | None


@endpoint(
    "Retention",
    get=Operation(
        "list_retention_rules",
        "List how long everything is kept",
        {200: record("RetentionRules", retention=many(_RULE))},
    ),
)
class Retention(Resource):
    """`/api/retention`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"retention": [_told(rule) for rule in retention.known(actor=self.actor)]})


@endpoint(
    "Retention",
    of=RETENTION_RULE,
    patch=Operation(
        "set_retention_rule",
        "Keep a kind of row for so many days, or for ever",
        {200: _RULE},
        body=RetentionRequest,
        examples={"a month": {"keep_days": 30, "reason": "the disk fills"}},
    ),
)
class RetentionDetail(Resource):
    """`/api/retention/{rule}`: `PATCH` changes how many days."""

    def patch(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, RetentionRequest)
        rule = retention.keep(name, days=said.keep_days, actor=self.actor, reason=said.reason)
        return answer(_told(rule))


def _told(rule: RetentionRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in _COLUMNS}
