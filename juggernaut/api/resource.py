"""Base of all resources of the API: authentication, actor, JSON responses."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.access import actors
from governance.access.actors import Actor
from governance.errors import FieldError, InvalidFilter, TaskNotFound
from governance.pagination import Page

TASKS = "/api/tasks"


class Resource(APIView):
    """A view whose `actor` is who asks: the one that the authentication named, or the session's user."""

    request: Request

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who asks, whether they may and how often; then what no address or query string may hold."""
        super().initial(request, *args, **kwargs)
        if any("\x00" in str(value) for value in kwargs.values()):
            raise NotFound(f"there is nothing at {request.path!r}")
        if wrong := [name for name, values in self.asked.items() if "\x00" in "".join((name, *values))]:
            raise InvalidFilter([FieldError(name, "it contains the character U+0000") for name in wrong])

    @cached_property
    def answer_headers(self) -> dict[str, str]:
        """What every answer to this request says besides; a view answers one."""
        return {}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        for name, value in self.answer_headers.items():
            response.headers.setdefault(name, value)
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def actor(self) -> Actor:
        named = self.request.auth
        return named if isinstance(named, Actor) else actors.from_user(self.request.user)

    @property
    def asked(self) -> Mapping[str, list[str]]:
        """The query string: name → values."""
        return dict(self.request.query_params.lists())

    def address(self, path: str) -> str:
        return self.request.build_absolute_uri(path)

    def page(self, name: str, page: Page, rows: list[dict[str, Any]]) -> HttpResponse:
        """A page of a list, with the address of the next one."""
        return answer({name: rows, "next": self._next(page.cursor) if page.cursor else None})

    def _next(self, cursor: str) -> str:
        query = urlencode({**self.asked, "cursor": cursor}, doseq=True)
        return self.address(f"{self.request.path}?{query}")


def answer(
    data: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> HttpResponse:
    """A JSON response. Times are ISO 8601 in UTC, money is text: a double would not keep its digits."""
    body = orjson.dumps(data, default=_encode, option=orjson.OPT_UTC_Z)
    return HttpResponse(body, status=status, headers=headers, content_type=content_type)


def task_id(text: str) -> UUID:
    """The id in an address; what is none names no task."""
    try:
        return UUID(text)
    except ValueError:
        raise TaskNotFound(text) from None


def _encode(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    raise TypeError(f"{type(value).__name__} is not JSON")
