"""Questions about tokens. What a row tells never includes the digest."""

from uuid import UUID

from django.db.models import F, Q
from pydantic import BaseModel, ConfigDict

from governance import pagination
from governance.access.actors import Actor
from governance.pagination import Asked, Page
from governance.tasks.schemas import Text
from juggernaut.api_tokens.services import VIEW
from juggernaut.models import ApiToken

COLUMNS = (
    "id", "client", "note", "hint", "scopes", "created_by", "created_at", "expires_at", "last_used_at",
)  # fmt: skip


class TokenFilter(BaseModel):
    """Whose tokens are meant."""

    model_config = ConfigDict(extra="forbid")

    client: list[Text] | None = None


def tokens(asked: Asked, *, actor: Actor) -> Page:
    """A page of tokens, newest first: `client`, `limit` and `cursor`."""
    actor.require(VIEW)
    chosen, options = pagination.parse(TokenFilter, asked), pagination.options(asked)
    condition = Q(owner__username__in=chosen.client) if chosen.client else Q()
    found = ApiToken.objects.filter(condition).annotate(client=F("owner__username"))
    if last := options.after(size=16):
        found = found.filter(id__lt=UUID(bytes=last))
    rows = list(found.order_by("-id").values(*COLUMNS)[: options.limit + 1])
    return pagination.page(rows, limit=options.limit, key=lambda row: row["id"].bytes)
