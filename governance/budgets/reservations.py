"""Reservations: the money for a call is set aside before the call is sent, or the call is not sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from governance.budgets import amounts
from governance.costs.pricing import Bound
from governance.db import async_commit
from governance.errors import BudgetExceeded, LeaseLost
from governance.models.budget import FLEET

# Unflushed: see `governance.db.async_commit`.
_RESERVE = """
SELECT set_config('synchronous_commit', 'off', true),
       outcome, hold, amount, expires, scope, kind, cap, used, ends
FROM governance_budget_reserve(%(worker)s, %(task)s::uuid, %(token)s, %(service)s, %(model)s,
                               %(amount)s, %(least)s, %(lives)s, %(at)s)"""


@dataclass(frozen=True, slots=True)
class Hold:
    """Money set aside for one call. It is charged in full at `expires_at` unless it is ended before."""

    id: UUID
    amount_usd: Decimal
    expires_at: datetime


def reserve(
    *,
    worker_id: str,
    amount_usd: Decimal,
    seconds: float,
    least_usd: Decimal | None = None,
    task_id: UUID | None = None,
    lease_token: int | None = None,
    service: str = "",
    model: str = "",
    at: datetime | None = None,
) -> Hold:
    """Set aside the most that a call can cost, in every window that it counts in, or in none.

    If that does not fit, what is left is set aside instead, provided it is at least `least_usd`
    (default: all or nothing). `seconds` is the longest that the call can take, with what it takes to
    report its end. With a `lease_token` the task must still be in progress under it. `at` is the time
    of the call (default: the database's clock).

    Raises `BudgetExceeded` with the tightest window, `LeaseLost`, or what the database raises when it
    cannot answer. The hold is committed and on disk when this returns, so it must not run inside a
    transaction.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a hold must be committed before the call: reserve it outside of any transaction")
    if worker_id == FLEET:
        raise ValueError(f"{FLEET} is the budget of all workers, not a worker")
    amount = amounts.quantize(amount_usd, rounding=ROUND_UP)
    least = amount if least_usd is None else min(amount, amounts.quantize(least_usd, rounding=ROUND_UP))
    _, outcome, hold_id, held, expires_at, *window = _ask(
        worker=worker_id,
        task=task_id and str(task_id),
        token=lease_token,
        service=service,
        model=model,
        amount=amount,
        least=least,
        lives=timedelta(seconds=seconds),
        at=at,
    )
    if outcome == "lost":
        raise LeaseLost(task_id)
    if outcome == "refused":
        raise BudgetExceeded(*window, asked_usd=least)
    async_commit.flush()
    return Hold(hold_id, held, expires_at)


def reserve_tokens(bound: Bound, *, max_tokens: int, least_tokens: int, **call: Any) -> tuple[Hold, int]:
    """Reserve for a model call whose answer may be shortened to what can be paid.

    Returns the hold and the `max_tokens` to send: at most what was asked for, at least `least_tokens`.
    Takes what `reserve` takes beside the amounts, and raises the same.
    """
    least_tokens = min(least_tokens, max_tokens)
    hold = reserve(amount_usd=bound.usd(max_tokens), least_usd=bound.usd(least_tokens), **call)
    return hold, min(max_tokens, bound.tokens_within(hold.amount_usd))


def _ask(**parameters: Any) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE, parameters)
        answer: tuple[Any, ...] = cursor.fetchone()
    return answer
