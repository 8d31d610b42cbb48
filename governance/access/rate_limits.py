"""The limits of rates: which there are, and the verbs that set them. What was called is counted elsewhere."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import FieldError, InvalidInput, RateLimitNotFound
from governance.models import RateLimit, ToolPermission
from governance.models.rate_limit import LONGEST_SECONDS, MOST_CALLS
from governance.tasks.schemas import field_errors

PERMISSION = "governance.change_ratelimit"
VIEW = "governance.view_ratelimit"


class Rate(BaseModel):
    """So many calls in any span of so many seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_calls: Annotated[int, Field(strict=True, ge=1, le=MOST_CALLS)]
    per_seconds: Annotated[float, Field(ge=0.1, le=LONGEST_SECONDS, allow_inf_nan=False)] = 60.0


def set_limit(
    name: str, *, actor: Actor, reason: str = "", max_calls: object, per_seconds: object = 60.0
) -> RateLimit:
    """Limit the calls of a tool, a `prefix.*` or a service; binds in every process within a second.

    Raises `InvalidInput` that names every wrong field, and `Forbidden`.
    """
    actor.require(PERMISSION)
    if flaw := ToolPermission.flaw_in_name(name):
        raise InvalidInput([FieldError("name", flaw)])
    try:
        rate = Rate.model_validate({"max_calls": max_calls, "per_seconds": per_seconds})
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None
    with audit.acting(actor, verb="set", reason=reason):
        row, _ = RateLimit.objects.update_or_create(
            name=name, defaults=rate.model_dump() | {"set_by": actor.name}
        )
    return row


def remove(name: str, *, actor: Actor, reason: str = "") -> None:
    """Limit it no longer; raises `RateLimitNotFound`."""
    actor.require(PERMISSION)
    with audit.acting(actor, verb="remove", reason=reason):
        if not RateLimit.objects.filter(name=name).delete()[0]:
            raise RateLimitNotFound(name, list(RateLimit.objects.values_list("name", flat=True)))


def all_limits(*, actor: Actor) -> list[RateLimit]:
    """All of them, by name. Needs `governance.view_ratelimit`."""
    actor.require(VIEW)
    return list(RateLimit.objects.all())
