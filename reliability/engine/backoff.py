"""When to try again: exponential backoff with full jitter, never sooner than asked."""

import random
from dataclasses import dataclass

from reliability.failures import PermanentFailure, TransientFailure

BASE_SECONDS = 2.0
CAP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Again:
    """Try again in `delay_seconds`."""

    delay_seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again."""


def decide(error: BaseException, *, error_attempts: int, max_attempts: int) -> Again | GiveUp:
    """What follows from `error` when `error_attempts` runs of at most `max_attempts` had failed before."""
    if isinstance(error, PermanentFailure) or error_attempts + 1 >= max_attempts:
        return GiveUp()
    return Again(max(_backoff(error_attempts), _asked(error)))


def _backoff(error_attempts: int) -> float:
    """Full jitter: anywhere up to 2, 4, 8 … 600 s, so that what failed together does not return together."""
    return random.uniform(0, min(CAP_SECONDS, BASE_SECONDS * 2 ** min(error_attempts, 30)))


def _asked(error: BaseException) -> float:
    if isinstance(error, TransientFailure) and error.retry_after:
        return error.retry_after.total_seconds()
    return 0.0
