"""Restart backoff of a part: longer after each death, until it has been stable."""

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
STABLE_SECONDS = 60.0


class Backoff:
    """The deaths of one part. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._deaths = 0
        self._started_at = 0.0

    def started(self, now: float) -> None:
        """The part was started at `now`."""
        self._started_at = now

    def delay(self, now: float) -> float:
        """Seconds to wait after a death at `now`: 1, 2, 4 … 30; 1 again after a stable minute."""
        if now - self._started_at >= STABLE_SECONDS:
            self._deaths = 0
        self._deaths += 1
        return min(FIRST_SECONDS * 2.0 ** (self._deaths - 1), LONGEST_SECONDS)
