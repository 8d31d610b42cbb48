"""The question that API and commands ask of the audit log: who changed what."""

from typing import Any

from django.db.models import Q
from pydantic import BaseModel, ConfigDict

from governance import pagination
from governance.access.actors import Actor
from governance.db import bounded_queries
from governance.models import AuditEntry
from governance.pagination import Asked, Page
from governance.tasks.schemas import Text, Time

ENTRY = ("id", "actor", "action", "target", "reason", "before", "after", "created_at")


class AuditFilter(BaseModel):
    """Which entries are meant. Lists mean any of them; times are ISO 8601 with a zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    actor: list[Text] | None = None
    action: list[Text] | None = None
    target: list[Text] | None = None
    created_after: Time | None = None
    created_before: Time | None = None

    @property
    def conditions(self) -> dict[str, Any]:
        named = {
            "actor__in": self.actor,
            "action__in": self.action,
            "target__in": self.target,
            "created_at__gte": self.created_after,
            "created_at__lt": self.created_before,
        }
        return {column: value for column, value in named.items() if value is not None}


def listed(asked: Asked, *, actor: Actor) -> Page:
    """A page of entries, newest first."""
    actor.require("governance.view_auditentry")
    chosen, options = pagination.parse(AuditFilter, asked).conditions, pagination.options(asked)
    rows = AuditEntry.objects.all()
    if last := options.after(size=8):
        rows = rows.filter(id__lt=int.from_bytes(last) & 0x7FFF_FFFF_FFFF_FFFF)
    return bounded_queries.page(
        rows, Q(**chosen), columns=ENTRY, limit=options.limit, key=lambda row: row["id"].to_bytes(8),
        is_indexed=any(name.startswith(("target", "actor")) for name in chosen),
    )  # fmt: skip
