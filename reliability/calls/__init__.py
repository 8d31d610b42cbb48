"""The call pipeline: every call of every tool and model goes through `governed_call`.

    answered = await governed_call(context, ask, send)        # send: async (Passage) -> Answered
    answered = governed_call_sync(context, ask, send)         # send: (Passage) -> Answered

The gates stand in `gates.GATES`, in their order; `docs/architecture/governance.md` says what they promise.
"""

from reliability.calls.pipeline import governed_call, governed_call_sync
from reliability.calls.rejections import no_price
from reliability.calls.threads import leave
from reliability.calls.types import (
    CallFailed,
    CallPermit,
    CallRequest,
    CallResult,
    FixedCost,
    Money,
    PermitUsed,
    TokenCost,
)

__all__ = [
    "CallFailed",
    "CallPermit",
    "CallRequest",
    "CallResult",
    "FixedCost",
    "Money",
    "PermitUsed",
    "TokenCost",
    "governed_call",
    "governed_call_sync",
    "leave",
    "no_price",
]
