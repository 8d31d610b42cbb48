"""The ends of a hold: settled, released, charged as unknown, or expired. Each hold has exactly one."""

import logging
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import OperationalError, connection, transaction

from governance.budgets import amounts
from governance.budgets.corrections import book_difference, facts
from governance.costs.pricing import NO_USAGE, Price, Usage
from governance.db import async_commit, locks
from governance.errors import HoldConflict, HoldNotFound
from governance.models.budget import BudgetHold, CostLine

logger = logging.getLogger(__name__)

_State = BudgetHold.State
# Unflushed: see `governance.db.async_commit`.
_END = """
SELECT set_config('synchronous_commit', 'off', true), was, charged
FROM governance_budget_end(%s::uuid, %s, %s, %s, %s::jsonb, %s)"""
_EXPIRED = """
SELECT id FROM budget_holds WHERE state = 'open' AND expires_at <= coalesce(%s, now())
ORDER BY expires_at LIMIT %s"""
# Locks the hold and its windows as `governance_budget_end` does, if nobody else has locked them.
_IS_FREE = """
WITH hold AS MATERIALIZED (
  SELECT windows FROM budget_holds WHERE id = %(hold)s::uuid FOR NO KEY UPDATE SKIP LOCKED),
free AS MATERIALIZED (
  SELECT w.id FROM budget_windows w WHERE w.id = ANY((SELECT windows FROM hold)::bigint[])
  FOR NO KEY UPDATE SKIP LOCKED)
SELECT EXISTS (SELECT FROM hold) AND (SELECT count(*) FROM free)
  = (SELECT count(*) FROM budget_windows w WHERE w.id = ANY((SELECT windows FROM hold)::bigint[]))"""
# How long the end of an expired hold waits for its rows.
LOCK_SECONDS = 0.25


def settle(
    hold_id: UUID,
    *,
    price: Price | None,
    usage: Usage = NO_USAGE,
    model: str = "",
    request_id: str = "",
    reason: str = "",
) -> Decimal:
    """The call was answered: book what it cost, also beyond the hold. Without a price, book the whole hold;
    `reason` says in the ledger why there is none.

    Returns the USD charged. Saying it twice books it once. A hold that was charged meanwhile because
    nobody knew (unknown, expired) is corrected to the price. Raises `HoldConflict` for a hold that was
    released, or settled for another amount, and `HoldNotFound`.
    """
    said = facts(usage=usage, model=model, request_id=request_id, reason=reason)
    source = price.source if price else CostLine.Source.UNPRICED
    cost = None if price is None else amounts.quantize(price.usd)
    was, charged = _end(hold_id, _State.SETTLED, cost, source, said)
    if was == _State.OPEN:
        return charged
    if was in (_State.UNKNOWN, _State.EXPIRED):
        if price is not None:
            book_difference(hold_id, price, said)
        return charged if cost is None else cost
    if was == _State.SETTLED and cost in (None, charged):
        return charged
    raise HoldConflict(hold_id, "settle", was)


def release(hold_id: UUID) -> None:
    """The call was never sent, or was refused without cost: give the money back. Raises as `settle` does."""
    was, _ = _end(hold_id, _State.RELEASED, Decimal(0), "", "{}")
    if was not in (_State.OPEN, _State.RELEASED):
        raise HoldConflict(hold_id, "release", was)


def charge_unknown(hold_id: UUID) -> Decimal:
    """The call was sent and nobody knows what it cost (timeout, broken stream): book the whole hold.

    Returns the USD charged. `settle` or `correct` put it right when the price becomes known.
    """
    was, charged = _end(hold_id, _State.UNKNOWN, None, CostLine.Source.UNKNOWN, "{}")
    if was not in (_State.OPEN, _State.UNKNOWN, _State.EXPIRED):
        raise HoldConflict(hold_id, "charge", was)
    return charged


def expire_holds(*, limit: int = 1000, at: datetime | None = None) -> int:
    """Charge holds whose time is up in full; returns how many. One transaction each: no deadlock.

    Those whose rows, or whose windows, somebody has locked are left for later.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, [at, limit])
        late = [hold_id for (hold_id,) in cursor.fetchall()]
    expired = 0
    for n, hold_id in enumerate(late):
        try:
            with locks.wait_at_most(LOCK_SECONDS):
                expired += _expire(hold_id, at)
        except OperationalError as error:
            if not locks.is_timeout(error):
                raise
            return expired + _expire_what_is_free(late[n + 1 :], at)
    return expired


def _expire_what_is_free(late: list[UUID], at: datetime | None) -> int:
    """Somebody holds locks: ask first which holds can be ended without waiting."""
    expired = 0
    for hold_id in late:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_IS_FREE, {"hold": str(hold_id)})
            if cursor.fetchone()[0]:
                expired += _expire(hold_id, at)
    return expired


def _expire(hold_id: UUID, at: datetime | None) -> bool:
    source = CostLine.Source.EXPIRED
    was, charged = _end(hold_id, _State.EXPIRED, None, source, '{"actor": "WATCHDOG"}', at)
    if was == _State.OPEN:
        logger.warning(
            "hold %s expired: nobody said what became of its call; charged %s USD", hold_id, charged
        )
    return was == _State.OPEN


def _end(
    hold_id: UUID, state: str, cost: Decimal | None, source: str, said: str, at: datetime | None = None
) -> tuple[str, Decimal]:
    """How the hold was found, and what it is charged now; on disk when the transaction has been left."""
    with connection.cursor() as cursor:
        cursor.execute(_END, [str(hold_id), state, cost, source, said, at])
        _, was, charged = cursor.fetchone()
    async_commit.flush_after_commit()
    if was is None:
        raise HoldNotFound(hold_id)
    return was, charged
