"""`/api/tokens`: who may use the API, and with what scopes."""

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance.access import scopes
from governance.pagination import Row
from governance.tasks.schemas import Text, Time
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import LOCATION, Operation, PathParameter, endpoint, page
from juggernaut.api.resource import Resource, answer
from juggernaut.api.schemas import ReasonRequired
from juggernaut.api_tokens import selectors as token_selectors
from juggernaut.api_tokens import services as api_tokens
from juggernaut.models import ApiToken

TOKENS = "/api/tokens"
TOKEN_ID = PathParameter("token_id", "The token's id.", "0198f2a0-7c1e-7000-8000-5b1f6a2c9d3e", "uuid")
_OF_ITSELF = [column for column in token_selectors.COLUMNS if column != "client"]
_TOKEN = columns("Token", ApiToken, _OF_ITSELF, client=str, url=str)
_MADE = columns("MadeToken", ApiToken, _OF_ITSELF, client=str, url=str, token=str)


class TokenRequest(ReasonRequired):
    """Which client, and what its token may do of what the client may."""

    client: Text
    role: Text = ""
    scopes: list[Text] = Field(default=[scopes.EVERYTHING])
    expires_at: Time | None = None
    note: Annotated[Text, Field(max_length=api_tokens.MAX_NOTE)] = ""


@endpoint(
    "Tokens",
    get=Operation(
        "list_tokens",
        "List the tokens of clients, newest first",
        {200: page("tokens", _TOKEN)},
        filters=token_selectors.TokenFilter,
        is_paged=True,
    ),
    post=Operation(
        "create_token",
        "Make a token for a client",
        {201: _MADE},
        body=TokenRequest,
        sends=(LOCATION,),
        examples={
            "one that submits tasks": {
                "client": "nightly",
                "scopes": ["tasks:write"],
                "reason": "the new job",
            },
        },
        text="The only answer that holds the token itself.",
    ),
)
class Tokens(Resource):
    """`/api/tokens`."""

    def get(self, request: Request) -> HttpResponse:
        page = token_selectors.tokens(self.asked, actor=self.actor)
        return self.page("tokens", page, [self._linked(row) for row in page.rows])

    def post(self, request: Request) -> HttpResponse:
        """The one answer in which the token itself stands; nobody may keep it on the way."""
        asked = shapes.read(request, TokenRequest)
        made = api_tokens.create(
            asked.client, actor=self.actor, role=asked.role, scopes_=asked.scopes,
            expires_at=asked.expires_at, note=asked.note, reason=asked.reason,
        )  # fmt: skip
        row = {name: getattr(made.row, name) for name in _OF_ITSELF}
        told = self._linked({"client": asked.client, **row}) | {"token": made.text}
        return answer(told, status=201, headers={"Location": told["url"], "Cache-Control": "no-store"})

    def _linked(self, row: Row) -> Row:
        return row | {"url": self.address(f"{TOKENS}/{row['id']}")}


@endpoint(
    "Tokens",
    of=TOKEN_ID,
    delete=Operation(
        "revoke_token",
        "Revoke a token",
        {204: None},
        body=ReasonRequired,
        examples={"why": {"reason": "it was in a log"}},
    ),
)
class TokenDetail(Resource):
    """`/api/tokens/{id}`: `DELETE` revokes it, with a reason in the body or none."""

    def delete(self, request: Request, name: str) -> HttpResponse:
        reason = shapes.read(request, ReasonRequired).reason
        api_tokens.revoke(_token_id(name), actor=self.actor, reason=reason)
        return HttpResponse(status=204)


def _token_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise api_tokens.TokenNotFound(text) from None
