"""Outcomes of a call as a circuit breaker counts them."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["success", "slow", "failure", "not_counted", "rate_limited", "auth", "quota"]
_LONGEST_WAIT_SECONDS = 7 * 86_400.0


@dataclass(frozen=True)
class Outcome:
    """`wait_seconds` is what the service asked for (`Retry-After`, the end of a quota), `said` its words.

    - `success`, and `slow`: an answer that took longer than this service may; counts towards the rate of
      failures, but not towards failures in a row
    - `failure`: no answer, or one that says that the service is ill
    - `not_counted`: tells nothing about the service, such as a request that was wrong
    - `rate_limited`: open until it may be asked again
    - `auth`: our credentials are refused; open until an operator acts
    - `quota`: our quota is used up; open until it is renewed, or until an operator acts
    """

    kind: Kind
    wait_seconds: float | None = None
    said: str = ""


SUCCESS = Outcome("success")
SLOW = Outcome("slow")
FAILURE = Outcome("failure")
NOT_COUNTED = Outcome("not_counted")


def failure(said: str) -> Outcome:
    return Outcome("failure", said=said[:200])


def rate_limited(retry_after_seconds: float | None = None, *, said: str = "") -> Outcome:
    """429. Without a `Retry-After` the breaker waits for its own `reset_timeout`."""
    return Outcome("rate_limited", _bounded(retry_after_seconds), said[:200])


def auth(said: str = "") -> Outcome:
    """401."""
    return Outcome("auth", said=said[:200])


def quota(left_seconds: float | None = None, *, said: str = "") -> Outcome:
    """402, or 403 that names a limit; `left_seconds` until it is renewed, if that is known."""
    return Outcome("quota", _bounded(left_seconds), said[:200])


def _bounded(seconds: float | None) -> float | None:
    """A service that says "in ten years" does not mean it: a week is the longest that is obeyed."""
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)
