"""What a gate says when it does not let a call through: the rule, and what the task gets to hear."""

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError

from governance import locks, outages, waits
from governance.approvals import Answer, Verdict
from governance.errors import BudgetExceeded, InvalidInput, LeaseLost, UnknownPrice
from governance.permissions import Decision
from governance.waits import Wait, WaitKind
from reliability.door.terms import Ask
from reliability.errors import BreakerOpen, RateLimited
from reliability.failures import (
    Denied,
    OutcomeUnknown,
    PermanentFailure,
    Postponed,
    Stopped,
    TaskFailure,
    TransientFailure,
)


@dataclass
class Refused(Exception):
    """A gate's no. `rule` and `message` go into the record, `error` is raised to the task; `is_failure` if
    the reason is no rule of the law but the state of things."""

    rule: str
    message: str
    error: Exception
    is_failure: bool = False


def postponed(rule: str, wait: Wait, *, is_failure: bool = False) -> Refused:
    return Refused(rule, wait.sentence, Postponed(wait), is_failure)


def denied(ask: Ask, rule: str, message: str = "") -> Refused:
    said = message or rule
    return Refused(rule, said, Denied(said, tool_name=ask.tool_name, service=ask.service))


def paused(wait: Wait) -> Refused:
    """The worker is, or the fleet."""
    return postponed(f"pause: {wait.name} is paused", wait)


def not_permitted(ask: Ask, decision: Decision) -> Refused:
    """No permission, or one whose quota is full: that comes back by itself."""
    if decision.retry_at is None:
        return denied(ask, decision.rule)
    sentence = f"{decision.rule}; the next begins at {decision.retry_at:%Y-%m-%d %H:%M:%S} UTC"
    name, until = decision.permitted_name, decision.retry_at
    return postponed(decision.rule, Wait(kind=WaitKind.QUOTA, name=name, sentence=sentence, until=until))


def not_approved(ask: Ask, verdict: Verdict) -> Refused:
    if verdict.answer is Answer.REJECTED:
        return denied(ask, verdict.rule)
    until, name = verdict.expires_at, str(verdict.approval_id)
    return postponed(
        verdict.rule, Wait(kind=WaitKind.APPROVAL, name=name, sentence=verdict.rule, until=until)
    )


def too_often(refusal: RateLimited) -> Refused:
    wait = Wait(kind=WaitKind.RATE_LIMIT, name=refusal.name, sentence=str(refusal), until=refusal.retry_at)
    return postponed(f"rate limit: {refusal.name}", wait)


def too_dear(refusal: BudgetExceeded) -> Refused:
    """It waits for its budget, also a call that is dearer than the whole of it: a person can raise it."""
    wait = Wait(
        kind=WaitKind.BUDGET,
        name=refusal.scope,
        sentence=str(refusal),
        until=refusal.ends_at,
        amount_usd=refusal.asked_usd,
        window=refusal.kind,
    )
    return postponed(f"budget: {refusal.scope} for the {refusal.kind}", wait)


def broken(refusal: BreakerOpen) -> Refused:
    wait = Wait(kind=WaitKind.BREAKER, name=refusal.name, sentence=str(refusal), until=refusal.retry_at)
    return postponed(f"circuit breaker: {refusal.name}", wait, is_failure=True)


def too_late(ask: Ask) -> Refused:
    said = f"{ask.tool_name} was not called: nothing is left of the time of this attempt"
    error = TransientFailure(said, tool_name=ask.tool_name, service=ask.service)
    return Refused("deadline: the attempt is over", said, error, is_failure=True)


def taken(lost: LeaseLost | Stopped) -> Refused:
    """Nothing more is done for a task that another has, or nobody."""
    return Refused("lease: the task was taken from this worker", str(lost), Stopped(str(lost)))


def unanswerable(ask: Ask, error: DatabaseError | InterfaceError) -> Refused:
    """Without the database nobody can say whether it may be made."""
    said = f"{ask.tool_name} was not called: {outages.describe_if_unavailable(error)}"
    failure = TransientFailure(said, tool_name=ask.tool_name, service=ask.service)
    return Refused("database: no answer, no call", said, failure, is_failure=True)


def undecided(ask: Ask, gate: str, error: DatabaseError | InterfaceError) -> Refused:
    """The gate got no answer from the database."""
    return locked(ask, gate) if locks.is_timeout(error) else unanswerable(ask, error)


def locked(ask: Ask, gate: str) -> Refused:
    """The gate's rows are locked by somebody else: it cannot decide, and the attempt does not count."""
    wait = waits.for_lock(gate, f"{ask.tool_name} was not called, the {gate} gate is unavailable")
    return postponed(f"{gate}: the gate is unavailable", wait, is_failure=True)


def senseless(ask: Ask, invalid: InvalidInput) -> Refused:
    failure = PermanentFailure(str(invalid), tool_name=ask.tool_name, service=ask.service)
    return Refused("arguments: they are not JSON", str(invalid), failure, is_failure=True)


def no_price(unknown: UnknownPrice, *, tool_name: str = "") -> TaskFailure:
    """What a task gets whose model nobody knows the price of: it was never at the door."""
    said = (
        f"{unknown}: add it to model_prices (service {unknown.service!r}, model {unknown.model!r},"
        " input_usd_per_mtok, output_usd_per_mtok), then retry the task"
    )
    return PermanentFailure(said, tool_name=tool_name, service=unknown.service)


def unanswered(ask: Ask, seconds: float) -> OutcomeUnknown:
    said = f"{ask.tool_name} did not answer within {seconds:.3g} s"
    return OutcomeUnknown(said, tool_name=ask.tool_name, service=ask.service)
