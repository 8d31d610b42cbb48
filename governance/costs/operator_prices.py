"""Prices that operators set for models which the price list does not know (`model_prices`).

They bind at the next call. The database writes every change to the audit log, with who and why.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from django.db.models.functions import Now
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import InvalidInput, PriceNotFound
from governance.models.budget import ModelPrice
from governance.tasks.schemas import Money, Text, field_errors

PERMISSION = "governance.change_modelprice"


class Rates(BaseModel):
    """USD per million tokens, and for each request; cache rates that are null are the input rate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_usd_per_mtok: Money
    output_usd_per_mtok: Money
    cache_read_usd_per_mtok: Money | None = None
    cache_write_usd_per_mtok: Money | None = None
    request_usd: Money = Decimal(0)


class _Priced(Rates):
    service: Annotated[Text, Field(min_length=1, max_length=100)]
    model: Annotated[Text, Field(min_length=1, max_length=200)]


def set_price(service: str, model: str, *, actor: Actor, reason: str = "", **rates: object) -> ModelPrice:
    """Set exactly these `Rates`, whatever stood there before; 0 is a price.

    Raises `InvalidInput` that names every wrong field, and `Forbidden`.
    """
    actor.require(PERMISSION)
    said = _parsed({"service": service, "model": model, **rates})
    named, values = (
        said.model_dump(include={"service", "model"}),
        said.model_dump(include=set(Rates.model_fields)),
    )
    with audit.acting(actor, verb="set", reason=reason):
        row, _ = ModelPrice.objects.update_or_create(
            **named, defaults=values | {"set_by": actor.name, "set_at": Now()}
        )
        row.refresh_from_db()
    return row


def remove_price(service: str, model: str, *, actor: Actor, reason: str = "") -> None:
    """Forget the price: a model that the list does not know is refused again. Raises `PriceNotFound`."""
    actor.require(PERMISSION)
    with audit.acting(actor, verb="remove", reason=reason):
        if not ModelPrice.objects.filter(service=service, model=model).delete()[0]:
            raise PriceNotFound(service, model)


def _parsed(said: Mapping[str, Any]) -> _Priced:
    try:
        return _Priced.model_validate(said)
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None
