"""Requests counted by who asks: in Redis for every process, or by each process while Redis is away."""

import threading
import time
from pathlib import Path

from juggernaut.api.throttling.rate import MICROSECONDS, Rate, Taken
from reliability.bounded_redis import BoundedRedis, RedisUnavailable
from reliability.breakers import client as gate

_TAKE = (Path(__file__).parent / "take.lua").read_text()
# When a process keeps more buckets than these it forgets the ones that are full.
MOST_BUCKETS = 10_000


class Buckets:
    """Both kinds. Safe for threads."""

    def __init__(self, redis: BoundedRedis) -> None:
        self.redis = redis
        self._take = redis.script(_TAKE)
        self._lock = threading.Lock()
        self._full_at: dict[str, float] = {}

    def take(self, key: str, rate: Rate) -> Taken:
        """Count a request if there is room for it; takes at most 100 ms, whatever Redis does."""
        window = rate.seconds * MICROSECONDS
        try:
            counted, left, wait, full = self.redis.ask(
                lambda: self._take([f"{{api}}:{key}"], [rate.requests, window])
            )
        except RedisUnavailable:
            return self._take_own(key, rate)
        return Taken(bool(counted), int(left), int(wait) / MICROSECONDS, int(full) / MICROSECONDS)

    def _take_own(self, key: str, rate: Rate) -> Taken:
        """The same as in the script."""
        now, each = time.monotonic(), rate.seconds / rate.requests
        with self._lock:
            self._forget_full(now)
            full_at = max(self._full_at.get(key, now), now)
            then = full_at + each
            if then - now > rate.seconds:
                return Taken(False, 0, then - rate.seconds - now, full_at - now)
            self._full_at[key] = then
        return Taken(True, int((rate.seconds - (then - now)) / each + 0.001), 0.0, then - now)

    def _forget_full(self, now: float) -> None:
        if len(self._full_at) > MOST_BUCKETS:
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}


_buckets: Buckets | None = None


def of_process() -> Buckets:
    """The ones of this process; they share the breakers' way to Redis, and what is known of it."""
    global _buckets
    redis = gate.of_process().shared.redis
    if _buckets is None or _buckets.redis is not redis:
        _buckets = Buckets(redis)
    return _buckets
