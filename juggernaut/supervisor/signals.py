"""Signals as a list to look at between two steps, and as an interruption where nothing is watching."""

import contextlib
import select
import signal
import socket
from collections.abc import Iterator
from types import FrameType

from juggernaut.processes import streams

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequested(BaseException):
    """A stop was asked for during a step that cannot look at `Signals` itself."""


class Signals:
    """The stop signals of this process, counted; a second one means "now"."""

    def __init__(self) -> None:
        self.stops = 0
        self._is_interrupting = False
        self._wakeup, self._written = socket.socketpair()

    @property
    def is_stop_requested(self) -> bool:
        """Whether somebody asked for a stop."""
        return self.stops > 0

    @property
    def is_stop_urgent(self) -> bool:
        """Whether somebody asked twice."""
        return self.stops > 1

    @contextlib.contextmanager
    def received(self) -> Iterator[None]:
        """Count stop signals, ignore hangups, and let a child's death end a `wait`, until the block ends."""
        handled = (*STOP_SIGNALS, signal.SIGHUP, signal.SIGCHLD)
        before = {number: signal.getsignal(number) for number in handled}
        self._wakeup.setblocking(False)
        self._written.setblocking(False)
        previous = signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._count)
        signal.signal(signal.SIGCHLD, _only_wake)
        streams.ignore_hangups()
        try:
            yield
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._wakeup.close()
            self._written.close()

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Within the block a stop signal raises `StopRequested` at once."""
        if self.is_stop_requested:
            raise StopRequested
        self._is_interrupting = True
        try:
            yield
        finally:
            self._is_interrupting = False

    def wait(self, seconds: float) -> None:
        """Wait for a signal, a stop's or a child's, at most `seconds`."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            self._wakeup.recv(4096)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.stops += 1
        if self._is_interrupting:
            self._is_interrupting = False  # the way out must not be interrupted again
            raise StopRequested


def _only_wake(number: int, frame: FrameType | None) -> None:
    """A handler must exist for the wake-up to be written."""
