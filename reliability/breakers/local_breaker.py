"""A breaker of this process alone, for as long as Redis is away: the same machine, on this process's clock.

It begins where the shared one was last known to be. The tests of the machine run against both.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from reliability.breakers.models import CircuitBreaker
from reliability.breakers.outcomes import Outcome
from reliability.breakers.redis_breaker import BreakerAnswer
from reliability.breakers.settings import Snapshot

Tell = Callable[[str, BreakerAnswer], None]


@dataclass(frozen=True)
class LocalSettings:
    """Where the shared breaker was: `until` is monotonic time, none when an operator must act."""

    state: str
    kind: str
    cause: str
    generation: int
    wait: float
    until: float | None
    reset_version: int


class LocalBreaker:
    """`tell` gets the state that was left and what is now, at every transition."""

    def __init__(
        self, snapshot: Snapshot, seed: LocalSettings, tell: Tell, clock: Callable[[], float]
    ) -> None:
        self._lock = threading.RLock()
        self._tell, self._clock = tell, clock
        self._state, self._kind, self._cause = seed.state, seed.kind, seed.cause
        self._generation, self._wait, self._until = seed.generation, seed.wait, seed.until
        self._opened_at = clock()
        self._consecutive = self._succeeded = 0
        self._window: deque[tuple[float, bool]] = deque()
        self._probes: dict[str, float] = {}
        self._reset_version = snapshot.row.reset_version
        self._take(snapshot)
        if self._state == "half_open":  # the shared probes are out of reach: this process tries its own
            self._state, self._until = "open", clock()

    @classmethod
    def from_row(
        cls, snapshot: Snapshot, tell: Tell, clock: Callable[[], float] = time.monotonic
    ) -> "LocalBreaker":
        return cls(snapshot, settings_of_row(snapshot, clock()), tell, clock)

    def configure(self, snapshot: Snapshot) -> None:
        """New settings bind at once, counters are kept; a reset that was not seen yet closes it."""
        with self._lock:
            if snapshot.row.version <= self._settings.version:
                return
            old = self._settings.reset_timeout
            self._take(snapshot)
            new = self._settings.reset_timeout
            if self._state == "open" and self._kind == "failures" and old != new:
                self._wait = min(self._settings.max_wait_seconds, self._wait * new / old)
                self._until = self._opened_at + self._wait
            if snapshot.row.reset_version != self._reset_version:
                self._reset_version = snapshot.row.reset_version
                self._reset()

    def acquire(self, token: str) -> BreakerAnswer:
        with self._lock:
            now, mode = self._clock(), self._mode()
            if mode == "disabled":
                return self._answer("free")
            if mode == "forced_open":
                return replace(self._answer("refused"), left=self._mode_left())
            if self._state == "open" and self._until is not None and now >= self._until:
                self._move("half_open", self._kind, "the wait is over")
            if self._state == "half_open" and self._succeeded >= self._settings.half_open_probes:
                self._move("closed", "", "as many probes succeeded as are asked for")
            if self._state == "closed":
                return self._answer("call")
            if self._state == "half_open" and self._admit(token, now):
                return self._answer("probe")
            answer = self._answer("free" if mode == "shadow" else "refused")
            return replace(answer, left=min(self._probes.values()) - now) if self._probes else answer

    def record(self, generation: int, verdict: str, token: str, outcome: Outcome) -> BreakerAnswer:
        with self._lock:
            if self._mode() == "disabled" or verdict == "free":
                return self._answer("ignored")
            if generation != self._generation:
                return self._answer("counted" if self._extend(generation, outcome) else "ignored")
            if self._state == "half_open" and self._probes.pop(token, 0.0) <= self._clock():
                return self._answer("ignored")
            if outcome.kind == "not_counted":
                return self._answer("ignored")
            self._count(outcome)
            return self._answer("counted")

    def _take(self, snapshot: Snapshot) -> None:
        self._settings: CircuitBreaker = snapshot.row
        left = snapshot.left(snapshot.row.mode_until)
        self._mode_ends = None if left is None else self._clock() + left

    def _mode(self) -> str:
        return "normal" if self._mode_left() == 0 else self._settings.mode

    def _mode_left(self) -> float | None:
        return None if self._mode_ends is None else max(self._mode_ends - self._clock(), 0.0)

    def _admit(self, token: str, now: float) -> bool:
        self._probes = {probe: end for probe, end in self._probes.items() if end > now}
        if len(self._probes) + self._succeeded >= self._settings.half_open_probes:
            return False
        self._probes[token] = now + self._settings.probe_lease_seconds
        return True

    def _count(self, outcome: Outcome) -> None:
        doubled = min(self._settings.max_wait_seconds, max(self._wait, self._settings.reset_timeout) * 2)
        is_probe = self._state == "half_open"
        if outcome.kind in {"auth", "quota", "rate_limited"}:
            if is_probe and outcome.kind == "rate_limited":
                self._wait = doubled
            self._obey(outcome, doubled if is_probe else 0.0)
        elif not is_probe:
            self._count_call(outcome)
        elif outcome.kind == "success":
            self._succeeded += 1
            if self._succeeded >= self._settings.half_open_probes:
                self._move("closed", "", "its probes succeeded")
        else:
            self._wait = doubled
            cause = "a probe was slow" if outcome.kind == "slow" else "a probe failed"
            self._open("failures", cause, doubled * (1 - random.random() / 4), outcome)

    def _obey(self, outcome: Outcome, backoff: float) -> None:
        asked = outcome.wait_seconds
        if outcome.kind == "auth":
            self._open("auth", "our credentials are refused", None, outcome)
        elif outcome.kind == "quota":
            wait = None if asked is None else max(asked, backoff)
            self._open("quota", "our quota is used up", wait, outcome)
        else:
            asked = self._settings.reset_timeout if asked is None else asked
            self._open("rate_limited", "rate limit exceeded", max(asked, backoff), outcome)

    def _count_call(self, outcome: Outcome) -> None:
        now, has_failed = self._clock(), outcome.kind != "success"
        self._window.append((now, has_failed))
        while self._window[0][0] <= now - self._settings.window_seconds:
            self._window.popleft()
        if not has_failed:
            self._consecutive = 0
            return
        self._consecutive += outcome.kind == "failure"
        self._wait = self._settings.reset_timeout
        calls, failures = len(self._window), sum(failed for _, failed in self._window)
        if outcome.kind == "failure" and self._consecutive >= self._settings.failure_threshold:
            row = "1 failure" if self._consecutive == 1 else f"{self._consecutive} failures in a row"
            self._open("failures", row, self._wait, outcome)
        elif calls >= self._settings.min_calls and failures >= self._settings.failure_rate * calls:
            self._open("failures", f"{failures} of {calls} calls failed", self._wait, outcome)

    def _extend(self, generation: int, outcome: Outcome) -> bool:
        """Of two waits that were asked for, the later end holds."""
        if self._state != "open" or self._until is None or generation != self._generation - 1:
            return False
        if outcome.kind not in {"rate_limited", "quota"} or outcome.wait_seconds is None:
            return False
        until = self._clock() + outcome.wait_seconds
        if until <= self._until:
            return False
        self._until, self._kind, self._cause = until, outcome.kind, _with("asked to wait longer", outcome)
        return True

    def _open(self, kind: str, cause: str, wait: float | None, outcome: Outcome) -> None:
        self._until = None if wait is None else self._clock() + wait
        self._opened_at = self._clock()
        self._move("open", kind, _with(cause, outcome))

    def _reset(self) -> None:
        if self._state == "closed":
            self._consecutive, self._generation = 0, self._generation + 1
            self._window.clear()
        else:
            self._move("closed", "", "reset by an operator")

    def _move(self, to: str, kind: str, cause: str) -> None:
        before, self._state, self._kind, self._cause = self._state, to, kind, cause
        self._generation += 1
        self._succeeded = 0
        self._probes.clear()
        if to == "closed":
            self._consecutive, self._wait, self._until = 0, 0.0, None
            self._window.clear()
        self._tell(before, self._answer("moved"))

    def _answer(self, verdict: str) -> BreakerAnswer:
        left = None if self._until is None else max(self._until - self._clock(), 0.0)
        return BreakerAnswer(
            verdict,
            self._state,
            self._kind,
            self._cause,
            self._generation,
            left,
            self._wait,
            mode=self._mode(),
            reset_version=self._reset_version,
        )


def settings_of_row(snapshot: Snapshot, now: float) -> LocalSettings:
    row = snapshot.row
    left = snapshot.left(row.retry_at)
    until = None if left is None else now + left
    return LocalSettings(
        row.state, row.kind, row.cause, row.generation, row.wait_seconds, until, row.reset_version
    )


def _with(cause: str, outcome: Outcome) -> str:
    return f"{cause}: {outcome.said}" if outcome.said else cause
