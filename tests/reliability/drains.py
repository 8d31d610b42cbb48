"""Functions that a test's cluster runs in place of the real drain."""

import os
import signal
from pathlib import Path

from reliability.cluster import shared_state
from tests.polling import until

# One that a test has forgotten ends by itself.
LIFE_SECONDS = 600.0


def note(what: str) -> None:
    """Append a line to the test's journal, in one write."""
    with Path(os.environ["TEST_JOURNAL"]).open("a") as journal:
        journal.write(f"{what} {os.getpid()}\n")


def _tick(beat: shared_state.ProcessState) -> bool:
    beat.tick()
    return False


def stay() -> None:
    """A well-behaved drain without any work."""
    beat = shared_state.join()
    note("joined")
    until(lambda: _tick(beat) or beat.should_leave, timeout=LIFE_SECONDS)
    note("left")


def overstay() -> None:
    """Ticks, and does not listen."""
    beat = shared_state.join()
    note("joined")
    until(lambda: _tick(beat), timeout=LIFE_SECONDS)


def raise_at_once() -> None:
    note("raised")
    raise LookupError("there is no work of this kind")


def return_at_once() -> None:
    shared_state.join()
    note("returned")


def never_join() -> None:
    note("entered")
    while True:
        signal.pause()


def grow() -> None:
    """Passes its memory limit, and leaves when asked to."""
    beat = shared_state.join()
    hoard = bytearray(os.urandom(1024)) * 100 * 1024
    note("joined")
    until(lambda: _tick(beat) or beat.should_leave, timeout=LIFE_SECONDS)
    note(f"left-with-{len(hoard)}")
