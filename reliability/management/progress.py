"""A progress bar for long work, drawn where a person looks and nowhere else."""

from typing import TextIO

_WIDTH = 30


class Bar:
    """One line on a terminal that says how far the work is; silent when the stream is none."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._drawn = 0

    def show(self, done: int, total: int, words: str = "") -> None:
        """Draw it anew: so many of so many, and what else there is to say."""
        if self._stream is None:
            return
        full = _WIDTH * done // total if total else _WIDTH
        line = f"[{'#' * full}{'.' * (_WIDTH - full)}] {done} of {total} {words}".rstrip()
        self._stream.write(f"\r{line.ljust(self._drawn)}")
        self._stream.flush()
        self._drawn = len(line)

    def end(self) -> None:
        """Leave the line as it is, for what comes below."""
        if self._stream is not None and self._drawn:
            self._stream.write("\n")
            self._drawn = 0
