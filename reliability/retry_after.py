"""Reads how long a service asks to wait: `Retry-After` and times of its own. What cannot be read is None."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# What is asked beyond this is absurd, and capped.
LONGEST = timedelta(days=7)
_SECONDS = re.compile(r"\d{1,40}(\.\d{0,40})?([eE]\+?\d{1,3})?", re.ASCII)
_LONGEST_HEADER = 100


def read_header(text: str, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` header asks for: seconds, or an HTTP date. Never raises.

    None if it is neither; then the caller waits as long as it would without the header. A date in the past
    is no wait, anything over `LONGEST` is `LONGEST`.
    """
    stripped = text.strip()
    if _SECONDS.fullmatch(stripped):
        return timedelta(seconds=min(float(stripped), LONGEST.total_seconds()))
    if not stripped or len(stripped) > _LONGEST_HEADER:
        return None
    try:
        return _until(parsedate_to_datetime(stripped), now)
    except (ValueError, TypeError, IndexError, OverflowError):  # whatever the parser stumbles over
        return None


def read_moment(moment: object, now: datetime) -> timedelta | None:
    """The wait until an ISO 8601 time, as `read_header` bounds it; None if it is no such time."""
    try:
        return _until(datetime.fromisoformat(str(moment)[:_LONGEST_HEADER]), now)
    except (ValueError, OverflowError):
        return None


def _until(moment: datetime, now: datetime) -> timedelta:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta(0)), LONGEST)
