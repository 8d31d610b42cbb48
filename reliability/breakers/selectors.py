"""The questions that API and commands ask about breakers. They need a permission, as the verbs do."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet
from pydantic import BaseModel, ConfigDict

from governance import pagination
from governance.access.actors import Actor
from governance.db import bounded_queries
from governance.pagination import Asked, Page, Row
from governance.tasks.schemas import Text, Time
from reliability.breakers import status
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerNotFound

EVENT = (
    "id", "breaker", "kind", "from_state", "to_state", "cause", "actor", "generation", "retry_at", "before",
    "after", "created_at",
)  # fmt: skip


class EventFilter(BaseModel):
    """Which events are meant. Lists mean any of them; times are ISO 8601 with a zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    breaker: list[Text] | None = None
    kind: list[CircuitBreakerEvent.Kind] | None = None
    created_after: Time | None = None
    created_before: Time | None = None

    def condition(self) -> Q:
        named = {
            "breaker__in": self.breaker,
            "kind__in": self.kind,
            "created_at__gte": self.created_after,
            "created_at__lt": self.created_before,
        }
        return Q(**{column: value for column, value in named.items() if value is not None})


def breakers(names: Sequence[str] = (), *, actor: Actor) -> list[Row]:
    """How these breakers stand, or all, by name: see `status.of_all`. Raises `BreakerNotFound`."""
    actor.require("reliability.view_circuitbreaker")
    found = status.of_all(names or None)
    for name in names:
        if name not in found:
            raise _unknown(name)
    return [{"name": name} | found[name] for name in (dict.fromkeys(names) or found)]


def events(asked: Asked, *, actor: Actor, breaker: str | None = None) -> Page:
    """A page of what happened to the breakers, or to one, newest first. Raises `BreakerNotFound`."""
    actor.require("reliability.view_circuitbreakerevent")
    chosen, options = pagination.parse(EventFilter, asked), pagination.options(asked)
    found = CircuitBreakerEvent.objects.all() if breaker is None else _of(breaker)
    if last := options.after(size=8):
        found = found.filter(id__lt=int.from_bytes(last) & 0x7FFF_FFFF_FFFF_FFFF)
    page = bounded_queries.page(
        found, chosen.condition(), columns=EVENT, limit=options.limit, key=lambda row: row["id"].to_bytes(8),
        is_indexed=chosen.breaker is not None,
    )  # fmt: skip
    if not page.rows and breaker is not None and not CircuitBreaker.objects.filter(pk=breaker).exists():
        raise _unknown(breaker)
    return page


def _of(breaker: str) -> QuerySet[CircuitBreakerEvent]:
    return CircuitBreakerEvent.objects.filter(breaker=breaker)


def _unknown(name: str) -> BreakerNotFound:
    return BreakerNotFound(name, list(CircuitBreaker.objects.values_list("name", flat=True)))
