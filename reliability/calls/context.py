"""One call on its way through the gates: what it asks for, and what it has been given so far."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from governance.access import tool_executions
from governance.access.permissions import Decision
from governance.budgets import Hold
from reliability.breakers import Permit
from reliability.calls import types
from reliability.calls.types import CallPermit, CallRequest, FixedCost, TokenCost
from reliability.engine.context import TaskContext
from reliability.rate_limits import Taken

# What must be left of the attempt after the call, for its end to be told while somebody listens.
KEPT_SECONDS = 0.2


@dataclass(slots=True)
class CallContext:
    """`seconds` is how long the call may take; `rules` are what allowed it, in the order of the gates;
    `gate` is the one that it came to last."""

    context: TaskContext
    ask: CallRequest
    rules: list[str] = field(default_factory=list)
    gate: str = ""
    decision: Decision | None = None
    approval_id: UUID | None = None
    taken: Taken | None = None
    hold: Hold | None = None
    max_tokens: int | None = None
    permits: dict[str, Permit] = field(default_factory=dict)
    seconds: float = 0.0
    execution_id: UUID | None = None
    leave: CallPermit | None = None

    @property
    def worst_usd(self) -> Decimal | None:
        """The most that it can cost, before anything is shortened; None if it is free."""
        match self.ask.cost:
            case FixedCost(usd):
                return usd
            case TokenCost(bound, max_tokens):
                return bound.usd(max_tokens)
        return None

    @property
    def left_seconds(self) -> float:
        """How long it may take if it goes out now: what it asked for, or what is left of the attempt."""
        return min(self.ask.seconds, self.context.ends_at - time.monotonic() - KEPT_SECONDS)

    @property
    def within(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    def record(self) -> tool_executions.Call:
        """As it stands in `tool_executions`."""
        ask = self.ask
        return tool_executions.Call(
            worker_id=self.context.worker_id,
            tool_name=ask.tool_name,
            arguments=ask.arguments,
            task_id=self.context.task_id,
            service=ask.service,
            model=ask.model,
            key=ask.key,
        )

    def permit(self) -> CallPermit:
        """Leave to make it: all gates are open."""
        context = self.context
        self.leave = types.issue_permit(
            worker_id=context.worker_id,
            task_id=context.task_id,
            lease_token=context.lease_token,
            execution_id=self.execution_id,
            tool_name=self.ask.tool_name,
            seconds=self.seconds,
            max_tokens=self.max_tokens,
            held_usd=self.hold and self.hold.amount_usd,
        )
        return self.leave
