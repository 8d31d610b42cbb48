"""The one door: every call of every tool and model goes through `governed_call`.

    answered = await governed_call(context, ask, send)        # send: async (Passage) -> Answered
    answered = governed_call_sync(context, ask, send)         # send: (Passage) -> Answered

The gates stand in `gates.GATES`, in their order; `docs/architecture/governance.md` says what they promise.
"""

from reliability.door.governed import governed_call, governed_call_sync
from reliability.door.pool import leave
from reliability.door.refusals import no_price
from reliability.door.terms import (
    Answered,
    Ask,
    CallFailed,
    Fixed,
    Money,
    Passage,
    PassageUsed,
    Tokens,
)

__all__ = [
    "Answered",
    "Ask",
    "CallFailed",
    "Fixed",
    "Money",
    "Passage",
    "PassageUsed",
    "Tokens",
    "governed_call",
    "governed_call_sync",
    "leave",
    "no_price",
]
