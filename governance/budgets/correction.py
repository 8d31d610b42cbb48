"""Corrections: what a call was charged is put right by a new line, never by an edit."""

from dataclasses import asdict
from decimal import Decimal
from uuid import UUID

import orjson
from django.db import connection

from governance.actors import Actor
from governance.budgets import money
from governance.errors import HoldConflict, HoldNotFound
from governance.models.budget import BudgetHold, CostLine
from governance.prices import NO_USAGE, Price, Usage

PERMISSION = "governance.correct_costline"
_CORRECT = "SELECT was, difference FROM governance_budget_correct(%s::uuid, %s, %s, %s::jsonb)"


def correct(hold_id: UUID, *, cost_usd: Decimal, actor: Actor, reason: str, source: str = "") -> Decimal:
    """Make it so that the call of this hold was charged `cost_usd` altogether.

    Returns the difference that was booked, in USD; 0 books nothing. `source` says where the price comes
    from (default: booked by hand). Raises `HoldConflict` while the hold is open, `HoldNotFound`, and
    `Forbidden`.
    """
    actor.require(PERMISSION)
    price = Price(cost_usd, source or CostLine.Source.MANUAL)
    return book_difference(hold_id, price, facts(actor=actor.name, reason=reason))


def book_difference(hold_id: UUID, price: Price, said: str) -> Decimal:
    """Book what is missing between what the hold was charged and the price; `said` is what `facts` made."""
    with connection.cursor() as cursor:
        cursor.execute(_CORRECT, [str(hold_id), money.exact(price.usd), price.source, said])
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
