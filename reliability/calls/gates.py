"""The gates of a call, in their order. Each takes what it guards, and gives it back when a later one refuses.

`enter` raises `Rejected`, or one of the errors that `opening` knows how to put. `undo` gives back what was
taken, and does nothing if nothing was: a gate that refused half-way is undone, too. It is asked again when
its connection was found broken.
"""

import contextlib
from typing import Any, Protocol

from governance import budgets
from governance.access import approvals, permissions, tool_executions
from governance.access.approvals import Answer
from governance.errors import LeaseLost
from governance.workers import pause_check
from reliability import breakers, rate_limits
from reliability.calls import rejections
from reliability.calls.context import CallContext
from reliability.calls.types import FixedCost, TokenCost

# A hold outlives its call by what it may take to book the end: see `books`.
REPORT_SECONDS = 60.0


class Gate(Protocol):
    """`name` is what the benchmark and `why` call it."""

    name: str

    def enter(self, call: CallContext) -> None: ...

    def undo(self, call: CallContext) -> None: ...


class Pause:
    """The task is still ours, and neither its worker nor the fleet is paused."""

    name = "pause"

    def enter(self, call: CallContext) -> None:
        context = call.context
        context.check()
        found = pause_check.check(context.worker_id, context.task_id, context.lease_token)
        if not found.is_held:
            raise LeaseLost(context.task_id)
        if found.wait is not None:
            raise rejections.paused(found.wait)

    def undo(self, call: CallContext) -> None:
        """It took nothing."""


class Permission:
    """A row allows it, and its quotas have room: the call is counted."""

    name = "permission"

    def enter(self, call: CallContext) -> None:
        decision = permissions.check(call.context.worker_id, call.ask.tool_name)
        if not decision.is_allowed:
            raise rejections.not_permitted(call.ask, decision)
        call.decision = decision
        call.rules.append(decision.rule)

    def undo(self, call: CallContext) -> None:
        """Once only: given back twice, it would let a call through that is one too many."""
        decision, call.decision = call.decision, None
        if decision is not None:
            permissions.give_back(decision)


class Approval:
    """A person allowed exactly this call, if its permission asks for that: the approval is used up."""

    name = "approval"

    def enter(self, call: CallContext) -> None:
        if call.decision is None or not call.decision.needs_approval:
            return
        ask, context = call.ask, call.context
        verdict = approvals.require(
            context.worker_id,
            ask.tool_name,
            ask.arguments,
            task_id=context.task_id,
            price_usd=call.worst_usd,
        )
        if verdict.answer is not Answer.GRANTED:
            raise rejections.not_approved(ask, verdict)
        call.approval_id = verdict.approval_id
        call.rules.append(verdict.rule)

    def undo(self, call: CallContext) -> None:
        if call.approval_id is not None:
            approvals.give_back(call.approval_id)
            call.approval_id = None


class RateLimit:
    """Every rate limit that covers it has room: the call is counted in all of them."""

    name = "rate limit"

    def enter(self, call: CallContext) -> None:
        call.taken = rate_limits.take(call.ask.tool_name, call.ask.service)

    def undo(self, call: CallContext) -> None:
        if call.taken is not None:
            rate_limits.give_back(call.taken)
            call.taken = None


class Budget:
    """The most that it can cost is set aside, under the task's lease."""

    name = "budget"

    def enter(self, call: CallContext) -> None:
        ask, context = call.ask, call.context
        asked: dict[str, Any] = {
            "worker_id": context.worker_id,
            "task_id": context.task_id,
            "lease_token": context.lease_token,
            "service": ask.service,
            "model": ask.model,
            "seconds": ask.seconds + REPORT_SECONDS,
        }
        match ask.cost:
            case FixedCost(usd):
                call.hold = budgets.reserve(amount_usd=usd, **asked)
            case TokenCost(bound, most, least):
                call.hold, call.max_tokens = budgets.reserve_tokens(
                    bound, max_tokens=most, least_tokens=least, **asked
                )

    def undo(self, call: CallContext) -> None:
        if call.hold is not None:
            budgets.release(call.hold.id)
            call.hold = None


class Breakers:
    """Each breaker that the call names admits it."""

    name = "breaker"

    def enter(self, call: CallContext) -> None:
        for name in call.ask.breakers:
            call.permits[name] = breakers.acquire(name)

    def undo(self, call: CallContext) -> None:
        with contextlib.ExitStack() as all_of_them:  # each is told, also when another cannot be
            while call.permits:
                _, permit = call.permits.popitem()
                all_of_them.callback(breakers.record, permit, breakers.NOT_COUNTED)


class Deadline:
    """There is time left for it."""

    name = "deadline"

    def enter(self, call: CallContext) -> None:
        call.seconds = call.left_seconds
        if call.seconds <= 0:
            raise rejections.deadline_passed(call.ask)
        call.context.check()

    def undo(self, call: CallContext) -> None:
        """It took nothing."""


class Record:
    """It stands in `tool_executions` before it goes out: a crash leaves its trace."""

    name = "record"

    def enter(self, call: CallContext) -> None:
        call.execution_id = tool_executions.begin(
            call.record(), rule="; ".join(call.rules), within=call.within
        )

    def undo(self, call: CallContext) -> None:
        if call.execution_id is not None:
            tool_executions.take_back(call.execution_id, error_message="stopped before it was sent")
            call.execution_id = None


GATES: tuple[Gate, ...] = (
    Pause(),
    Permission(),
    Approval(),
    RateLimit(),
    Budget(),
    Breakers(),
    Deadline(),
    Record(),
)
