"""Waiting for what happens in other processes: polled with a deadline, never slept for."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

INTERVAL_SECONDS = 0.02


def until(
    condition: Callable[[], Answer | None],
    *,
    timeout: float = 10.0,
    every: float = INTERVAL_SECONDS,
    what: str = "",
) -> Answer:
    """Ask until the answer is true, and return it; fail the test after `timeout` seconds.

    `timeout` is a deadline for a machine that is busy, not an expectation of how long it takes.
    """
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            what = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"{what} did not come true within {timeout:g} s; last answer: {answer!r}")
        time.sleep(every)
    return answer
