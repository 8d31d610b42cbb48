"""`/api/tokens`: who may use the API, and with what scopes."""

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance import scopes
from governance.api import shapes
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason
from governance.paging import Row
from governance.submission import Text, Time
from juggernaut import api_tokens, token_selectors

TOKENS = "/api/tokens"


class Wanted(Reason):
    """Which client, and what its token may do of what the client may."""

    client: Text
    role: Text = ""
    scopes: list[Text] = Field(default=[scopes.EVERYTHING])
    expires_at: Time | None = None
    note: Annotated[Text, Field(max_length=api_tokens.MAX_NOTE)] = ""


class Tokens(Resource):
    """`/api/tokens`."""

    def get(self, request: Request) -> HttpResponse:
        page = token_selectors.tokens(self.asked, actor=self.actor)
        return self.page("tokens", page, [self._linked(row) for row in page.rows])

    def post(self, request: Request) -> HttpResponse:
        """The one answer in which the token itself stands; nobody may keep it on the way."""
        asked = shapes.read(request, Wanted)
        made = api_tokens.create(
            asked.client, actor=self.actor, role=asked.role, scopes_=asked.scopes,
            expires_at=asked.expires_at, note=asked.note, reason=asked.reason,
        )  # fmt: skip
        row = {name: getattr(made.row, name) for name in token_selectors.COLUMNS if name != "client"}
        told = self._linked({"client": asked.client, **row}) | {"token": made.text}
        return answer(told, status=201, headers={"Location": told["url"], "Cache-Control": "no-store"})

    def _linked(self, row: Row) -> Row:
        return row | {"url": self.address(f"{TOKENS}/{row['id']}")}


class TokenDetail(Resource):
    """`/api/tokens/{id}`: `DELETE` revokes it, with a reason in the body or none."""

    def delete(self, request: Request, name: str) -> HttpResponse:
        reason = shapes.read(request, Reason).reason
        api_tokens.revoke(_token_id(name), actor=self.actor, reason=reason)
        return HttpResponse(status=204)


def _token_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise api_tokens.TokenNotFound(text) from None
