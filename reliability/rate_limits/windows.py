"""Calls counted in sliding windows: in Redis for everybody, and beside it those of this process alone."""

import itertools
import os
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.models import RateLimit
from reliability.bounded_redis import BoundedRedis, RedisUnavailable
from reliability.breakers import client as gate
from reliability.errors import RateLimited

# A limit that was changed binds in every process within this time.
FRESH_SECONDS = 1.0
_TAKE = (Path(__file__).parent / "take.lua").read_text()
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that was counted, and under which limits."""

    names: tuple[str, ...]
    token: str


class RateLimitWindows:
    """What this process knows of the limits, and what it has called. Safe for threads."""

    def __init__(self, redis: BoundedRedis) -> None:
        self.redis = redis
        self._take = redis.script(_TAKE)
        self._lock = threading.Lock()
        self._rows: list[RateLimit] = []
        self._read_at = float("-inf")
        self._own: dict[str, deque[tuple[float, str]]] = {}
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count()

    def take(self, tool_name: str, service: str, *, is_counted: bool) -> Taken | None:
        """Raises `RateLimited`; None if no limit covers such a call."""
        limits = [row for row in self._limits() if row.covers(tool_name, service)]
        if not limits:
            return None
        token = f"{self._prefix}.{next(self._numbers)}"
        try:
            full, left = self._ask(limits, token if is_counted else "")
        except RedisUnavailable:
            full, left = self._ask_own(limits)
        if full is not None:
            raise RateLimited(full.name, max_calls=full.max_calls, per=full.per_seconds, left_seconds=left)
        if is_counted:
            self._count_own(limits, token)
        return Taken(tuple(row.name for row in limits), token)

    def give_back(self, taken: Taken) -> None:
        """Forget the call. While Redis is away it stays counted there until its window has passed."""
        with self._lock:
            for name in taken.names:
                own = self._own.get(name, deque())
                self._own[name] = deque(entry for entry in own if entry[1] != taken.token)
        try:
            self.redis.ask(lambda: self._forget(taken))
        except RedisUnavailable:
            return

    def _limits(self) -> list[RateLimit]:
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            self._rows = list(RateLimit.objects.all())
            self._read_at = time.monotonic()
        return self._rows

    def _ask(self, limits: list[RateLimit], token: str) -> tuple[RateLimit | None, float]:
        rates = [n for row in limits for n in (row.max_calls, round(row.per_seconds * _MICROSECONDS))]
        keys = [_key(row.name) for row in limits]
        full, left = self.redis.ask(lambda: self._take(keys, [token, *rates]))
        return (limits[full - 1] if full else None), int(left) / _MICROSECONDS

    def _ask_own(self, limits: list[RateLimit]) -> tuple[RateLimit | None, float]:
        now, found = time.monotonic(), []
        with self._lock:
            for row in limits:
                own = self._trimmed(row, now)
                if len(own) >= row.max_calls:
                    found.append((own[len(own) - row.max_calls][0] + row.per_seconds - now, row))
        left, full = max(found, key=lambda one: one[0], default=(0.0, None))
        return full, left

    def _count_own(self, limits: list[RateLimit], token: str) -> None:
        now = time.monotonic()
        with self._lock:
            for row in limits:
                self._trimmed(row, now).append((now, token))

    def _trimmed(self, row: RateLimit, now: float) -> deque[tuple[float, str]]:
        own = self._own.setdefault(row.name, deque())
        while own and own[0][0] <= now - row.per_seconds:
            own.popleft()
        return own

    def _forget(self, taken: Taken) -> Any:
        with self.redis.client.pipeline(transaction=False) as pipe:
            for name in taken.names:
                pipe.zrem(_key(name), taken.token)
            return pipe.execute()


def _key(name: str) -> str:
    """In one slot, should Redis be a cluster."""
    return f"{{rate}}:{name}"


_windows: RateLimitWindows | None = None


def of_process() -> RateLimitWindows:
    """The one of this process; it shares its way to Redis, and what is known of it, with the breakers."""
    global _windows
    redis = gate.of_process().shared.redis
    if _windows is None or _windows.redis is not redis:
        _windows = RateLimitWindows(redis)
    return _windows


def _forget_all() -> None:
    global _windows
    _windows = None


os.register_at_fork(after_in_child=_forget_all)


def take(tool_name: str, service: str = "") -> Taken | None:
    """Count one call under every limit that covers it, or under none and raise `RateLimited`."""
    return of_process().take(tool_name, service, is_counted=True)


def look(tool_name: str, service: str = "") -> Taken | None:
    """As `take`, without counting."""
    return of_process().take(tool_name, service, is_counted=False)


def give_back(taken: Taken) -> None:
    """The call was not made after all."""
    of_process().give_back(taken)
