"""Functions that a test's cluster runs in place of the real drain."""

import os
import time
from pathlib import Path

from reliability import pulse


def note(what: str) -> None:
    """Append a line to the test's journal, in one write."""
    with Path(os.environ["TEST_JOURNAL"]).open("a") as journal:
        journal.write(f"{what} {os.getpid()}\n")


def stay() -> None:
    """A well-behaved drain without any work."""
    beat = pulse.join()
    note("joined")
    while not beat.should_leave:
        beat.tick()
        time.sleep(0.05)
    note("left")


def overstay() -> None:
    """Ticks, and does not listen."""
    beat = pulse.join()
    note("joined")
    while True:
        beat.tick()
        time.sleep(0.05)


def raise_at_once() -> None:
    note("raised")
    raise LookupError("there is no work of this kind")


def return_at_once() -> None:
    pulse.join()
    note("returned")


def never_join() -> None:
    note("entered")
    while True:
        time.sleep(1)


def grow() -> None:
    """Passes its memory limit, and leaves when asked to."""
    beat = pulse.join()
    hoard = bytearray(os.urandom(1024)) * 100 * 1024
    note("joined")
    while not beat.should_leave:
        beat.tick()
        time.sleep(0.05)
    note(f"left-with-{len(hoard)}")
