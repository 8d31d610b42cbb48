"""Rejections by the gates of a call: the rule, and the failure that the task gets."""

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError

from governance.access.approvals import Answer, Verdict
from governance.access.permissions import Decision
from governance.db import errors as db_errors
from governance.db import locks
from governance.errors import BudgetExceeded, InvalidInput, LeaseLost, UnknownPrice
from governance.tasks import waits
from governance.tasks.waits import Wait, WaitKind
from reliability.calls.types import CallRequest
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
class Rejected(Exception):
    """A gate's no. `rule` and `message` go into the record, `error` is raised to the task; `is_failure` if
    the reason is no rule of governance but the state of things."""

    rule: str
    message: str
    error: Exception
    is_failure: bool = False


def postponed(rule: str, wait: Wait, *, is_failure: bool = False) -> Rejected:
    return Rejected(rule, wait.sentence, Postponed(wait), is_failure)


def denied(ask: CallRequest, rule: str, message: str = "") -> Rejected:
    said = message or rule
    return Rejected(rule, said, Denied(said, tool_name=ask.tool_name, service=ask.service))


def paused(wait: Wait) -> Rejected:
    """The worker is, or the fleet."""
    return postponed(f"pause: {wait.name} is paused", wait)


def not_permitted(ask: CallRequest, decision: Decision) -> Rejected:
    """No permission, or one whose quota is full: that comes back by itself."""
    if decision.retry_at is None:
        return denied(ask, decision.rule)
    sentence = f"{decision.rule}; the next begins at {decision.retry_at:%Y-%m-%d %H:%M:%S} UTC"
    name, until = decision.permitted_name, decision.retry_at
    return postponed(decision.rule, Wait(kind=WaitKind.QUOTA, name=name, sentence=sentence, until=until))


def not_approved(ask: CallRequest, verdict: Verdict) -> Rejected:
    if verdict.answer is Answer.REJECTED:
        return denied(ask, verdict.rule)
    until, name = verdict.expires_at, str(verdict.approval_id)
    return postponed(
        verdict.rule, Wait(kind=WaitKind.APPROVAL, name=name, sentence=verdict.rule, until=until)
    )


def rate_limited(refusal: RateLimited) -> Rejected:
    wait = Wait(kind=WaitKind.RATE_LIMIT, name=refusal.name, sentence=str(refusal), until=refusal.retry_at)
    return postponed(f"rate limit: {refusal.name}", wait)


def budget_exceeded(refusal: BudgetExceeded) -> Rejected:
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


def breaker_open(refusal: BreakerOpen) -> Rejected:
    wait = Wait(kind=WaitKind.BREAKER, name=refusal.name, sentence=str(refusal), until=refusal.retry_at)
    return postponed(f"circuit breaker: {refusal.name}", wait, is_failure=True)


def deadline_passed(ask: CallRequest) -> Rejected:
    said = f"{ask.tool_name} was not called: nothing is left of the time of this attempt"
    error = TransientFailure(said, tool_name=ask.tool_name, service=ask.service)
    return Rejected("deadline: the attempt is over", said, error, is_failure=True)


def lease_lost(lost: LeaseLost | Stopped) -> Rejected:
    """Nothing more is done for a task that another has, or nobody."""
    return Rejected("lease: the task was taken from this worker", str(lost), Stopped(str(lost)))


def gate_unavailable(ask: CallRequest, error: DatabaseError | InterfaceError) -> Rejected:
    """Without the database nobody can say whether it may be made."""
    said = f"{ask.tool_name} was not called: {db_errors.describe_if_unavailable(error)}"
    failure = TransientFailure(said, tool_name=ask.tool_name, service=ask.service)
    return Rejected("database: no answer, no call", said, failure, is_failure=True)


def undecided(ask: CallRequest, gate: str, error: DatabaseError | InterfaceError) -> Rejected:
    """The gate got no answer from the database."""
    return locked(ask, gate) if locks.is_timeout(error) else gate_unavailable(ask, error)


def locked(ask: CallRequest, gate: str) -> Rejected:
    """The gate's rows are locked by somebody else: it cannot decide, and the attempt does not count."""
    wait = waits.for_lock(gate, f"{ask.tool_name} was not called, the {gate} gate is unavailable")
    return postponed(f"{gate}: the gate is unavailable", wait, is_failure=True)


def invalid_request(ask: CallRequest, invalid: InvalidInput) -> Rejected:
    failure = PermanentFailure(str(invalid), tool_name=ask.tool_name, service=ask.service)
    return Rejected("arguments: they are not JSON", str(invalid), failure, is_failure=True)


def no_price(unknown: UnknownPrice, *, tool_name: str = "") -> TaskFailure:
    """What a task gets whose model nobody knows the price of: it was never at the call pipeline."""
    said = (
        f"{unknown}: add it to model_prices (service {unknown.service!r}, model {unknown.model!r},"
        " input_usd_per_mtok, output_usd_per_mtok), then retry the task"
    )
    return PermanentFailure(said, tool_name=tool_name, service=unknown.service)


def timed_out(ask: CallRequest, seconds: float) -> OutcomeUnknown:
    said = f"{ask.tool_name} did not answer within {seconds:.3g} s"
    return OutcomeUnknown(said, tool_name=ask.tool_name, service=ask.service)
