"""The API obeys the table: who lacks what the row of a request needs is refused before its body is read."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from governance.access import actors
from governance.access.actors import Actor
from juggernaut.access import requirements
from juggernaut.access.endpoints import ENDPOINTS
from juggernaut.access.requirements import Needs


class Declared(IsAuthenticated):
    """A request needs what its row says; one without a row is refused to everybody.

    The service asks again. What a view does not answer goes on, to be answered with 405.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True
        for permission in _permissions(method, _route(request)):
            _actor(request).require(permission)
        return True


def _permissions(method: str, route: str) -> Iterator[str]:
    needs: Needs | None = ENDPOINTS.get((method, route))
    if needs is None:
        raise PermissionDenied(
            f"{method} /{route} is not in the table of permissions, so nobody may use it:"
            " juggernaut/access/endpoints.py"
        )
    return iter(requirements.permissions(needs))


def _route(request: Request) -> str:
    match: Any = request.resolver_match
    return match.route if match else ""


def _actor(request: Request) -> Actor:
    named = request.auth
    return named if isinstance(named, Actor) else actors.from_user(request.user)
