"""Corrections: what a call was charged is put right by a new line, never by an edit."""

from dataclasses import asdict
from decimal import Decimal
from uuid import UUID

import orjson
from django.db import connection, transaction

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.budgets import amounts
from governance.costs.pricing import NO_USAGE, Price, Usage
from governance.errors import FieldError, HoldConflict, HoldNotFound, InvalidInput
from governance.models.budget import BudgetHold, CostLine
from governance.tasks.schemas import require_text

PERMISSION = "governance.correct_costline"
_CORRECT = "SELECT was, difference FROM governance_budget_correct(%s::uuid, %s, %s, %s::jsonb)"


def correct(hold_id: UUID, *, cost_usd: Decimal, actor: Actor, reason: str, source: str = "") -> Decimal:
    """Make it so that the call of this hold was charged `cost_usd` altogether.

    Returns the difference that was booked, in USD; 0 books nothing. `source` says where the price comes
    from (default: booked by hand). Raises `HoldConflict` while the hold is open, `HoldNotFound`,
    `InvalidInput` without a reason or for what is no amount, and `Forbidden`.
    """
    actor.require(PERMISSION)
    require_text("reason", reason)
    price = Price(_exact(cost_usd), source or CostLine.Source.MANUAL)
    with transaction.atomic():
        difference = book_difference(hold_id, price, facts(actor=actor.name, reason=reason))
        if difference:
            _tell(actor, hold_id, reason, was=price.usd - difference, now=price.usd)
    return difference


def _exact(cost_usd: Decimal) -> Decimal:
    try:
        return amounts.quantize(cost_usd)
    except ValueError as error:
        raise InvalidInput([FieldError("cost_usd", str(error))]) from None


def _tell(actor: Actor, hold_id: UUID, reason: str, *, was: Decimal, now: Decimal) -> None:
    before, after = ({"charged_usd": f"{usd:f}"} for usd in (was, now))
    target = f"hold {hold_id}"
    audit.record(actor, action="cost.correct", target=target, reason=reason, before=before, after=after)


def book_difference(hold_id: UUID, price: Price, said: str) -> Decimal:
    """Book what is missing between what the hold was charged and the price; `said` is what `facts` made."""
    with connection.cursor() as cursor:
        cursor.execute(_CORRECT, [str(hold_id), amounts.quantize(price.usd), price.source, said])
        was, difference = cursor.fetchone()
    if was is None:
        raise HoldNotFound(hold_id)
    if was == BudgetHold.State.OPEN:
        raise HoldConflict(hold_id, "correct", was)
    return Decimal(difference)


def facts(*, usage: Usage = NO_USAGE, **texts: str) -> str:
    """What a ledger line says beside its amount, as the database functions take it."""
    named = {name: text.replace("\x00", "") for name, text in texts.items() if text}
    return orjson.dumps(asdict(usage) | named).decode()
