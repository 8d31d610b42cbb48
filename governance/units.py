"""Spans of time and sizes in words that are read at a glance."""

from datetime import timedelta

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def words(span: timedelta) -> str:
    """The span in its two largest units: `3 min 5 s`, `2 h`, `0 s`; the sign is left out."""
    left = round(abs(span.total_seconds()))
    for position, (size, name) in enumerate(_UNITS):
        if left >= size:
            whole, rest = divmod(left, size)
            smaller, smaller_name = _UNITS[min(position + 1, len(_UNITS) - 1)]
            return f"{whole} {name}" + (f" {rest // smaller} {smaller_name}" if rest >= smaller else "")
    return "0 s"


def roughly(span: timedelta) -> str:
    """The span in its largest unit, for where a glance is enough: `3 min`, `26 h`, `5 d`."""
    left = round(abs(span.total_seconds()))
    for size, name in _UNITS:
        if left >= (2 * size if name == "d" else size):
            return f"{left // size} {name}"
    return "0 s"


def mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MiB"
