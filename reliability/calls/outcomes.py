"""Outcomes of a call: their effect on breakers, cost, record and task."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.costs.pricing import NO_USAGE, Price, Usage
from governance.tasks.waits import Wait, WaitKind
from reliability import breakers
from reliability.breakers import FAILURE, NOT_COUNTED, Outcome
from reliability.calls import rejections
from reliability.calls.context import CallContext
from reliability.calls.types import CallFailed, CallResult, Money
from reliability.errors import BreakerOpen
from reliability.failures import Postponed, Stopped, TaskFailure, TransientFailure

# A service that was given less time than it may take, because the attempt ends, is not ill when it does
# not answer; one that had so long is.
FAIR_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """`money` None: it was answered, and nobody says what it cost. `error_message` None: all is well.

    `came` is what the asker may keep of it, if anything came of it that is known.
    """

    outcome: Outcome
    money: Price | Money | None
    error_message: str | None = None
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    usage: Usage = NO_USAGE
    model: str = ""
    request_id: str = ""
    unpriced_reason: str = ""
    came: CallResult | CallFailed | None = None

    @property
    def is_undone(self) -> bool:
        """It is known not to have been carried out: it can be asked for again like a new one."""
        return self.error_message is not None and self.money is Money.RELEASED


def of_answer(answered: CallResult) -> CallOutcome:
    return CallOutcome(
        outcome=answered.outcome,
        outcomes=answered.outcomes,
        money=answered.price,
        usage=answered.usage,
        model=answered.model,
        request_id=answered.request_id,
        unpriced_reason=answered.unpriced_reason,
        came=answered,
    )


def of_error(call: CallContext, error: BaseException, *, is_timeout: bool) -> CallOutcome:
    """`is_timeout`: the call pipeline itself ended the call, because its time was over."""
    if isinstance(error, CallFailed):
        return CallOutcome(
            outcome=error.outcome,
            outcomes=error.outcomes,
            money=error.money,
            error_message=str(error),
            usage=error.usage,
            model=error.model,
            request_id=error.request_id,
            came=error,
        )
    if is_timeout:
        was_fair = call.seconds >= min(call.ask.seconds, FAIR_SECONDS)
        outcome = FAILURE if was_fair else NOT_COUNTED
        late = rejections.timed_out(call.ask, call.seconds)
        came = CallFailed(str(late), error=late, outcome=outcome)
        return CallOutcome(outcome=outcome, money=Money.UNKNOWN, error_message=str(late), came=came)
    if isinstance(error, asyncio.CancelledError | Stopped):
        said = "stopped: the attempt was ended while the call was under way"
    else:
        said = f"{type(error).__name__}: {error}"
    return CallOutcome(outcome=NOT_COUNTED, money=Money.UNKNOWN, error_message=said)


def raised(call: CallContext, error: BaseException, *, is_timeout: bool) -> BaseException:
    """What the task gets to see of it, once the breakers have been told."""
    if not isinstance(error, CallFailed):
        return rejections.timed_out(call.ask, call.seconds) if is_timeout else error
    failure = error.error
    if failure is None:
        return _postponed(call, error)
    if isinstance(failure, TaskFailure):
        failure.tool_name = failure.tool_name or call.ask.tool_name
        failure.service = failure.service or call.ask.service
        failure.is_outcome_unknown = failure.is_outcome_unknown or error.money is Money.UNKNOWN
    return failure


def _postponed(call: CallContext, error: CallFailed) -> Exception:
    """Parked until the breakers let such a call through again; the one that is asked later says when."""
    for name in call.ask.breakers:
        try:
            breakers.record(breakers.acquire(name), NOT_COUNTED)
        except BreakerOpen as refusal:
            return rejections.breaker_open(refusal).error
    if not call.ask.breakers:
        said = f"{error} (it names no circuit breaker to wait for)"
        return TransientFailure(said, tool_name=call.ask.tool_name, service=call.ask.service)
    # It is disabled, or only watches, or has let calls through again: then nothing is waited for.
    name = call.ask.breakers[0]
    return Postponed(Wait(kind=WaitKind.BREAKER, name=name, sentence=str(error)))
