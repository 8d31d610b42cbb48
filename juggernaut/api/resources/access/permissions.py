"""`/api/permissions`: what workers may call, how often they have, and the verbs that change it."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, get_type_hints

from django.forms.models import model_to_dict
from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance import pagination
from governance.access import permissions
from governance.access import selectors as gate_selectors
from governance.access.permissions import Decision
from governance.access.schemas import PermissionInput
from governance.models import ToolPermission
from governance.tasks.schemas import Text
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, page, record
from juggernaut.api.resource import Resource, answer
from juggernaut.api.schemas import ReasonRequired

PERMISSIONS = "/api/permissions"


class PermissionName(ReasonRequired):
    worker_id: Annotated[Text, Field(max_length=64)]
    tool_name: Text


class GrantRequest(PermissionName, PermissionInput):
    """What is left out is not limited."""


class RevokeRequest(PermissionName):
    effect: ToolPermission.Effect = ToolPermission.Effect.ALLOW


_LISTED = columns(
    "Permission",
    ToolPermission,
    gate_selectors.PERMISSION,
    "What a worker may call; the calls of this day and minute (UTC) are null where nothing is allowed.",
    calls_this_day=int | None,
    calls_this_minute=int | None,
    is_in_force=bool,
)
_ROW = columns("PermissionRow", ToolPermission, gate_selectors.PERMISSION)
_WRITTEN = record("WrittenPermission", permission=_ROW, is_allowed_now=bool, rule=str)
DECISION = record("Decision", **get_type_hints(Decision))
_NAMED = {"worker_id": "ANALYST", "tool_name": "http.*"}
_GRANT = {"at most 100 calls a day": {**_NAMED, "max_calls_per_day": 100, "reason": "reads reports"}}
_PLAIN = {"a tool": {**_NAMED, "reason": "reads reports"}}


class CallCheckFilter(shapes.ClosedModel):
    worker: Text
    tool: Text


@endpoint(
    "Permissions",
    get=Operation(
        "list_permissions",
        "List what workers may call",
        {200: page("permissions", _LISTED)},
        filters=gate_selectors.PermissionFilter,
        is_paged=True,
    ),
)
class Permissions(Resource):
    """`/api/permissions`."""

    def get(self, request: Request) -> HttpResponse:
        page = gate_selectors.listed_permissions(self.asked, actor=self.actor)
        return self.page("permissions", page, page.rows)


@endpoint(
    "Permissions",
    get=Operation(
        "check_permission", "Would this call be allowed now?", {200: DECISION}, filters=CallCheckFilter
    ),
)
class Check(Resource):
    """`/api/permissions/check?worker=…&tool=…`: would such a call be allowed now, and by which rule?"""

    def get(self, request: Request) -> HttpResponse:
        asked = pagination.validate(
            CallCheckFilter, {name: pagination.single(name, v) for name, v in self.asked.items()}
        )
        found = gate_selectors.decision(asked.worker, asked.tool, actor=self.actor)
        return answer(asdict(found))


class _Write(Resource):
    """The subclass names the verb of `governance.access.permissions`; saying it twice is saying it once."""

    verb: ClassVar[Any]
    shape: ClassVar[type[PermissionName]] = GrantRequest

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, self.shape)
        row = self.verb(asked.worker_id, asked.tool_name, actor=self.actor, **_rest(asked))
        now = permissions.look(asked.worker_id, asked.tool_name)
        return answer({"permission": _told(row), "is_allowed_now": now.is_allowed, "rule": now.rule})


@endpoint(
    "Permissions",
    post=Operation(
        "grant_permission",
        "Allow a worker to call a tool, on exactly these terms",
        {200: _WRITTEN},
        body=GrantRequest,
        examples=_GRANT,
    ),
)
class Grant(_Write):
    verb = staticmethod(permissions.grant)


@endpoint(
    "Permissions",
    post=Operation(
        "deny_permission",
        "Forbid a worker to call a tool",
        {200: _WRITTEN},
        body=GrantRequest,
        examples=_PLAIN,
    ),
)
class Deny(_Write):
    verb = staticmethod(permissions.deny)


@endpoint(
    "Permissions",
    post=Operation(
        "grant_permission_for_a_day",
        "Allow it for 24 hours",
        {200: _WRITTEN},
        body=PermissionName,
        examples=_PLAIN,
    ),
)
class GrantForADay(_Write):
    verb, shape = staticmethod(permissions.grant_for_a_day), PermissionName


@endpoint(
    "Permissions",
    post=Operation(
        "revoke_permission",
        "Take a permission or a denial back",
        {
            200: record(
                "RevokedPermission",
                revoked=record("RevokedRow", worker_id=str, tool_name=str, effect=ToolPermission.Effect),
                is_allowed_now=bool,
                rule=str,
            )
        },
        body=RevokeRequest,
        refuses=(404,),
        examples=_PLAIN,
    ),
)
class Revoke(Resource):
    """`/api/permissions/revoke`: 404 when there is no such row, e.g. since it was revoked already."""

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, RevokeRequest)
        permissions.revoke(asked.worker_id, asked.tool_name, actor=self.actor, **_rest(asked))
        now = permissions.look(asked.worker_id, asked.tool_name)
        revoked = {"worker_id": asked.worker_id, "tool_name": asked.tool_name, "effect": asked.effect}
        return answer({"revoked": revoked, "is_allowed_now": now.is_allowed, "rule": now.rule})


def _rest(asked: PermissionName) -> dict[str, Any]:
    return asked.model_dump(exclude={"worker_id", "tool_name"})


def _told(row: ToolPermission) -> dict[str, Any]:
    return model_to_dict(row) | {"id": row.pk}
