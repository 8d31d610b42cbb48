"""Circuit breakers that every process shares (`docs/architecture/circuit_breaker.md`).

    permit = breakers.acquire("openrouter")        # raises BreakerOpen
    breakers.record(permit, breakers.SUCCESS)      # or FAILURE, rate_limited(30), auth(), …

A call that was admitted must be recorded, whatever became of it; what nobody records costs a probe no more
than its lease. Both may be called from any thread and from an event loop: they wait for Redis at most
100 ms, for PostgreSQL in a thread of its own.
"""

from reliability.breakers.client import Permit, acquire, record
from reliability.breakers.outcomes import (
    FAILURE,
    NOT_COUNTED,
    SLOW,
    SUCCESS,
    Outcome,
    auth,
    failure,
    quota,
    rate_limited,
)

__all__ = [
    "FAILURE",
    "NOT_COUNTED",
    "SLOW",
    "SUCCESS",
    "Outcome",
    "Permit",
    "acquire",
    "auth",
    "failure",
    "quota",
    "rate_limited",
    "record",
]
