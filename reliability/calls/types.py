"""What passes through the call pipeline: what a task asks for, what it is given leave to, and what came
back."""

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from governance.costs.pricing import NO_USAGE, Bound, Price, Usage
from reliability.breakers.outcomes import SUCCESS, Outcome


@dataclass(frozen=True, slots=True)
class FixedCost:
    """A call that costs at most so much, in USD, whatever it answers."""

    usd: Decimal


@dataclass(frozen=True, slots=True)
class TokenCost:
    """A call of a model: its answer may be shortened to what can be paid, but not below `least_tokens`."""

    bound: Bound
    max_tokens: int
    least_tokens: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """One call that a task wants to make.

    `arguments` are JSON; they are what an approval is bound to, and are kept redacted. `service` is the
    provider in the ledger, `model` the model asked for. `breakers` are asked in this order, all of
    them: that of a service, and that of the part of it that can fail alone (`openrouter:some-model`).
    A call without `cost` is free and needs no hold. `seconds` is the longest that it may take.

    `key` names the call within its task, the same when the task asks for it again: a row of
    `tool_executions` with this key that was sent is the proof that the call may have been made. `kept` is
    called with what came of the call in the transaction that books it, so that whoever stores it there
    stores it exactly when the call is paid for. It must not raise.
    """

    tool_name: str
    arguments: Any
    seconds: float
    service: str = ""
    model: str = ""
    breakers: tuple[str, ...] = ()
    cost: FixedCost | TokenCost | None = None
    key: str = ""
    kept: "Callable[[CallResult | CallFailed, CallPermit], None] | None" = None


# Who does not hold it issues no permit.
_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPermit:
    """Leave to make one call now. Only the call pipeline issues them; a tool can be called with one only.

    `max_tokens` is what may be asked of a model, after shortening; `held_usd` what is set aside for the
    call. The call must end within `seconds` of being let through: async ones are cancelled then, plain
    ones must see to it themselves. Whatever sends the call says `use` before it does.
    """

    worker_id: str
    task_id: UUID
    lease_token: int
    execution_id: UUID
    tool_name: str
    seconds: float
    max_tokens: int | None = None
    held_usd: Decimal | None = None
    seal: InitVar[object] = None
    _left: list[str] = field(default_factory=lambda: ["one call"], repr=False, compare=False)

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("a permit is issued by the call pipeline: make the call through governed_call")

    def use(self) -> None:
        """The call goes out now. Raises `PermitUsed` for a second one, and after the call has ended."""
        try:
            self._left.pop()
        except IndexError:
            raise PermitUsed(f"the leave for this call of {self.tool_name} is used up") from None

    def close(self) -> None:
        """The call has ended: no other goes out under this leave."""
        self._left.clear()


class PermitUsed(Exception):
    """One permit, one call: whoever wants to make another asks the call pipeline again."""


def issue_permit(**facts: Any) -> CallPermit:
    """For the call pipeline alone, when all gates are open."""
    return CallPermit(seal=_SEAL, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """A call that was answered. `outcome` is what it says of each breaker asked, unless `outcomes` names it.

    Without a `price` a call that had a hold is charged all of it, as unpriced; `unpriced_reason` says why and
    goes into the ledger. `model` is the one that served, `request_id` the provider's. `charged_usd` is what
    the ledger says of the call once it is settled: None before, for a call without a hold, and while the
    settlement could not be written.
    """

    value: Any
    outcome: Outcome = SUCCESS
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    price: Price | None = None
    usage: Usage = NO_USAGE
    model: str = ""
    request_id: str = ""
    unpriced_reason: str = ""
    charged_usd: Decimal | None = None


class Money(Enum):
    """What becomes of the hold of a call that failed, if no price is known."""

    RELEASED = "released"  # it was never sent, or refused without cost
    UNKNOWN = "unknown"  # it may have cost something: the whole hold is charged, and corrected later


class CallFailed(Exception):
    """Raised by whoever makes the call: it was not answered as it should have been.

    `error` is what the task gets: a `PermanentFailure` or a `TransientFailure`. None means that the task
    is parked until the breaker that this outcome opens lets calls through again (rate limit, quota,
    credentials), without using an attempt.
    """

    def __init__(
        self,
        message: str,
        *,
        error: Exception | None,
        outcome: Outcome,
        outcomes: Mapping[str, Outcome] | None = None,
        money: Money | Price = Money.UNKNOWN,
        usage: Usage = NO_USAGE,
        model: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.error = error
        self.outcome = outcome
        self.outcomes: Mapping[str, Outcome] = outcomes or {}
        self.money = money
        self.usage = usage
        self.model = model
        self.request_id = request_id
