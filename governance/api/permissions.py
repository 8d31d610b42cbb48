"""`/api/permissions`: what workers may call, how often they have, and the verbs that change it."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar

from django.forms.models import model_to_dict
from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance import gate_selectors, paging, permissions
from governance.api import shapes
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason
from governance.models import ToolPermission
from governance.permission_terms import Terms
from governance.submission import Text

PERMISSIONS = "/api/permissions"


class Named(Reason):
    worker_id: Annotated[Text, Field(max_length=64)]
    tool_name: Text


class Granted(Named, Terms):
    """What is left out is not limited."""


class Revoked(Named):
    effect: ToolPermission.Effect = ToolPermission.Effect.ALLOW


class Permissions(Resource):
    """`/api/permissions`."""

    def get(self, request: Request) -> HttpResponse:
        page = gate_selectors.listed_permissions(self.asked, actor=self.actor)
        return self.page("permissions", page, page.rows)


class Check(Resource):
    """`/api/permissions/check?worker=…&tool=…`: would such a call be allowed now, and by which rule?"""

    def get(self, request: Request) -> HttpResponse:
        asked = paging.validate(_Call, {name: paging.single(name, v) for name, v in self.asked.items()})
        found = gate_selectors.decision(asked.worker, asked.tool, actor=self.actor)
        return answer(asdict(found))


class _Call(shapes.Shape):
    worker: Text
    tool: Text


class _Write(Resource):
    """The subclass names the verb of `governance.permissions`; saying it twice is saying it once."""

    verb: ClassVar[Any]
    shape: ClassVar[type[Named]] = Granted

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, self.shape)
        row = self.verb(asked.worker_id, asked.tool_name, actor=self.actor, **_rest(asked))
        now = permissions.look(asked.worker_id, asked.tool_name)
        return answer({"permission": _told(row), "is_allowed_now": now.is_allowed, "rule": now.rule})


class Grant(_Write):
    verb = staticmethod(permissions.grant)


class Deny(_Write):
    verb = staticmethod(permissions.deny)


class GrantForADay(_Write):
    verb, shape = staticmethod(permissions.grant_for_a_day), Named


class Revoke(Resource):
    """`/api/permissions/revoke`: 404 when there is no such row, e.g. since it was revoked already."""

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, Revoked)
        permissions.revoke(asked.worker_id, asked.tool_name, actor=self.actor, **_rest(asked))
        now = permissions.look(asked.worker_id, asked.tool_name)
        revoked = {"worker_id": asked.worker_id, "tool_name": asked.tool_name, "effect": asked.effect}
        return answer({"revoked": revoked, "is_allowed_now": now.is_allowed, "rule": now.rule})


def _rest(asked: Named) -> dict[str, Any]:
    return asked.model_dump(exclude={"worker_id", "tool_name"})


def _told(row: ToolPermission) -> dict[str, Any]:
    return model_to_dict(row) | {"id": row.pk}
