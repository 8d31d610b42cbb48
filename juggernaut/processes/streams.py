"""Standard input and output of a process whose terminal may go away while it runs.

`nohup`, a closed terminal and `| head` end nothing: what was still to be said to nobody is dropped, the log
has it. Control characters in what commands print are shown as escapes, so that data from outside cannot
steer the terminal of an operator.
"""

import errno
import io
import os
import signal
import stat
import sys
import threading
from typing import Any, TextIO

_NEW_LINE_AND_TAB = frozenset("\n\t")
# Marks that turn the direction of text around: what is shown would not be what is there.
_DIRECTION = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]
# Python's and JSON's own notation, so that JSON stays JSON.
ESCAPES = {
    code: f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *_DIRECTION)
    if chr(code) not in _NEW_LINE_AND_TAB
}


def survive() -> None:
    """Make standard streams that are missing or that lose their reader harmless."""
    for descriptor, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        _ensure_open(descriptor, flags=flags)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = _lasting(sys.stdout, original=sys.__stdout__, descriptor=1)
    sys.stderr = _lasting(sys.stderr, original=sys.__stderr__, descriptor=2)


def ignore_hangups() -> None:
    """Go on when the terminal closes, as under `nohup`; children inherit it. SIGTERM stops, as ever."""
    if threading.current_thread() is threading.main_thread():  # no other may say what a signal does
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def visible(text: str) -> str:
    """The text with control characters as escapes."""
    return text.translate(ESCAPES)


def show_control_characters() -> None:
    """Escape control characters in everything that this process prints from now on."""
    # Colours are control characters, too.
    os.environ["DJANGO_COLORS"] = "nocolor"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Output):
            stream.is_visible = True


def _ensure_open(descriptor: int, *, flags: int) -> None:
    """Open /dev/null there if nothing is: else the next file that is opened would take what is printed."""
    try:
        os.fstat(descriptor)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        opened = os.open(os.devnull, flags)
        os.dup2(opened, descriptor, inheritable=True)
        if opened != descriptor:
            os.close(opened)


def _lasting(stream: TextIO | None, *, original: TextIO | None, descriptor: int) -> TextIO:
    """The stream, unless it is Python's own: then one in its place that outlives its reader."""
    if stream is not None and (stream is not original or isinstance(stream, _Output)):
        return stream
    if stream is not None:
        stream.flush()
    return _Output(
        io.BufferedWriter(_Descriptor(descriptor)),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        # One character that the terminal cannot show must not end what prints it.
        errors="backslashreplace",
        line_buffering=descriptor == 2 or os.isatty(descriptor),
        write_through=bool(getattr(stream, "write_through", False)),
    )


class _Descriptor(io.FileIO):
    """A file descriptor that takes what nobody reads any more, and drops it."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        # Not `isatty`, which says no of a terminal that has closed already.
        self._is_device = stat.S_ISCHR(os.fstat(descriptor).st_mode)

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            is_hangup = error.errno == errno.EIO and self._is_device
            if error.errno != errno.EPIPE and not is_hangup:
                raise
            return len(data)


class _Output(io.TextIOWrapper):
    """Text; with `is_visible`, its control characters are shown."""

    is_visible = False

    def write(self, text: str, /) -> int:
        super().write(visible(text) if self.is_visible else text)
        return len(text)
