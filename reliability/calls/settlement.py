"""After the call: the breakers are told, the money is booked and the record ends, both or neither.

The answer of a call outlives its books: while the database is away they are tried again for
`BOOK_SECONDS`, then the task goes on with what it has paid for. Nothing is lost by that: the hold expires
and is charged in full, the record is ended by the watchdog, and the log says which call it was.
"""

import logging
import time
from dataclasses import replace
from decimal import Decimal

from django.db import DatabaseError, InterfaceError, connection, transaction

from governance import budgets
from governance.access import tool_executions
from governance.costs import pricing
from governance.costs.pricing import NO_USAGE, Price
from governance.db import errors as db_errors
from governance.db import locks
from governance.errors import HoldConflict, HoldNotFound
from governance.models import CostLine
from reliability import breakers
from reliability.calls import outcomes
from reliability.calls.context import CallContext
from reliability.calls.outcomes import CallOutcome
from reliability.calls.types import CallResult, Money

logger = logging.getLogger(__name__)

# Shorter than what a hold outlives its call by (`gates.REPORT_SECONDS`).
BOOK_SECONDS = 20.0
AGAIN_SECONDS = 0.5
# How long one try waits for rows that somebody has locked.
LOCK_SECONDS = 2.0


def answered(call: CallContext, answer: CallResult) -> CallResult:
    """It was answered; returns the answer with what it was charged."""
    return replace(answer, charged_usd=_close(call, outcomes.of_answer(answer)))


def failed(call: CallContext, error: BaseException, *, is_timeout: bool = False) -> BaseException:
    """It was not; returns what the task gets to see of that."""
    _close(call, outcomes.of_error(call, error, is_timeout=is_timeout))
    return outcomes.raised(call, error, is_timeout=is_timeout)


def _close(call: CallContext, ending: CallOutcome) -> Decimal | None:
    """What the call is charged, in USD; None if it had no hold, cost nothing, or could not be booked."""
    _tell_breakers(call, ending)
    until = time.monotonic() + BOOK_SECONDS
    while isinstance(charged := _try_to_write(call, ending), Exception):
        error = charged
        if time.monotonic() >= until or not db_errors.may_pass(error):
            logger.error(
                "the end of call %s of task %s was not booked (hold %s, %s): %s",
                call.execution_id,
                call.context.task_id,
                call.hold and call.hold.id,
                ending.money,
                db_errors.describe_if_unavailable(error),
            )
            return None
        time.sleep(AGAIN_SECONDS)
    return charged


def _tell_breakers(call: CallContext, ending: CallOutcome) -> None:
    for name, permit in call.permits.items():
        try:
            breakers.record(permit, ending.outcomes.get(name, ending.outcome))
        except Exception:  # the money is booked all the same
            logger.exception("circuit breaker %s was not told of call %s", name, call.execution_id)


def _try_to_write(call: CallContext, ending: CallOutcome) -> Decimal | Exception | None:
    try:
        with locks.wait_at_most(LOCK_SECONDS):
            return _write(call, ending)
    except (DatabaseError, InterfaceError) as error:
        if db_errors.wants_new_connection(error):
            connection.close()
        return error


def _write(call: CallContext, ending: CallOutcome) -> Decimal | None:
    """Saying it twice changes nothing: a commit whose answer was lost is not repeated."""
    if call.execution_id is None:
        raise RuntimeError("a call was made that no gate let through")
    with transaction.atomic():
        charged = _book(call, ending)
        tool_executions.end(
            call.execution_id,
            error_message=ending.error_message,
            cost_usd=charged,
            model=ending.model or None,
            is_undone=ending.is_undone,
        )
        _keep(call, ending, charged)
    return charged


def _keep(call: CallContext, ending: CallOutcome, charged: Decimal | None) -> None:
    """What the asker stores of it, it stores in this transaction, exactly when the call is booked."""
    if call.ask.kept is None or ending.came is None or call.leave is None:
        return
    came = ending.came
    try:
        with transaction.atomic():
            call.ask.kept(
                replace(came, charged_usd=charged) if isinstance(came, CallResult) else came, call.leave
            )
    except Exception as error:
        if isinstance(error, db_errors.ERRORS) and db_errors.may_pass(error):
            raise  # the connection, or the transaction, is lost: all of it is tried again
        # the money is booked all the same
        logger.exception("what came of call %s could not be kept", call.execution_id)


def _book(call: CallContext, ending: CallOutcome) -> Decimal | None:
    """What the call is charged, in USD; None if it had no hold, or cost nothing."""
    if call.hold is None:
        if isinstance(ending.money, Price) and ending.money.usd:
            logger.error("call %s cost %s USD and had no hold", call.execution_id, ending.money.usd)
        return None
    try:
        return _end_hold(call.hold, ending)
    except (HoldConflict, HoldNotFound) as conflict:
        logger.error("the money of call %s was not booked: %s", call.execution_id, conflict)
        return None


def _end_hold(hold: budgets.Hold, ending: CallOutcome) -> Decimal | None:
    match ending.money:
        case Money.RELEASED:
            budgets.release(hold.id)
            return None
        case Money.UNKNOWN:
            return budgets.charge_unknown(hold.id)
    price, usage, reason = ending.money, ending.usage, ending.unpriced_reason
    if flaw := pricing.find_flaw(price, usage):
        logger.error("%s of hold %s: %s; the whole hold is charged", ending.model or "a call", hold.id, flaw)
        price, usage, reason = None, NO_USAGE, flaw
    return budgets.settle(
        hold.id,
        price=price,
        usage=usage,
        model=ending.model,
        request_id=ending.request_id,
        reason=reason if price is None or price.source == CostLine.Source.UNPRICED else "",
    )
