"""Whoever shows wrong tokens again and again is not looked up any more for a while.

Counted by each web process for itself, in memory: no query and no round trip, and nothing to be lost
when Redis is away. A token that was right in this process a short while ago stays welcome, also from an
address from which somebody else is guessing.
"""

import threading
import time
from collections import OrderedDict

from rest_framework.exceptions import Throttled

FAILURES = 20
WINDOW_SECONDS = 60.0
TRUSTED_SECONDS = 600.0
# What is remembered at most, of addresses and of tokens.
REMEMBERED = 10_000

_lock = threading.Lock()
_failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
_known: OrderedDict[str, float] = OrderedDict()


def require_patience(address: str, digest: str) -> None:
    """Raise `Throttled` for an address that has failed too often, unless this token is known to be right."""
    begun, count = _failures.get(address, (0.0, 0))
    left = begun + WINDOW_SECONDS - time.monotonic()
    if count < FAILURES or left <= 0:
        return
    seen = _known.get(digest)
    if seen is None or seen + TRUSTED_SECONDS < time.monotonic():
        raise Throttled(wait=left, detail="too many wrong tokens from this address")


def note_failure(address: str) -> None:
    now = time.monotonic()
    with _lock:
        begun, count = _failures.get(address, (now, 0))
        is_over = now - begun >= WINDOW_SECONDS
        _failures[address] = (now, 1) if is_over else (begun, count + 1)
        _forget_oldest(_failures)


def note_success(digest: str) -> None:
    with _lock:
        _known[digest] = time.monotonic()
        _known.move_to_end(digest)
        _forget_oldest(_known)


def forget() -> None:
    """Begin anew."""
    with _lock:
        _failures.clear()
        _known.clear()


def _forget_oldest(remembered: OrderedDict) -> None:
    while len(remembered) > REMEMBERED:
        remembered.popitem(last=False)
