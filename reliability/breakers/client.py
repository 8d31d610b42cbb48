"""This process's way to the breakers: Redis, or a breaker of its own while that is away; never a guess."""

import itertools
import os
import secrets
import threading
import time
from dataclasses import dataclass

from reliability.bounded_redis import RedisUnavailable
from reliability.breakers.local_breaker import LocalBreaker, LocalSettings, settings_of_row
from reliability.breakers.outcomes import Outcome
from reliability.breakers.redis_breaker import BreakerAnswer, RedisBreakers
from reliability.breakers.settings import Snapshot
from reliability.breakers.settings_cache import SettingsCache
from reliability.errors import BreakerOpen


@dataclass(frozen=True)
class Permit:
    """Leave to make one call, under the generation that admitted it.

    `would_refuse` is true in shadow mode, where the breaker would have refused.
    """

    name: str
    generation: int
    verdict: str
    token: str
    is_local: bool = False
    would_refuse: bool = False


class BreakerClient:
    """The breakers as one process sees them. Safe for threads."""

    def __init__(self, shared: RedisBreakers | None = None) -> None:
        self.shared = shared or RedisBreakers()
        self.registry = SettingsCache(self.shared)
        self._lock = threading.RLock()
        self._locals: dict[str, LocalBreaker] = {}
        self._heard: dict[str, LocalSettings] = {}
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count()

    def acquire(self, name: str) -> Permit:
        """A permit for one call. Raises `BreakerOpen`, also when nobody can say how the breaker stands."""
        snapshot = self.registry.current(name)
        token = f"{self._prefix}.{next(self._numbers)}"
        try:
            return _permit(name, token, self._ask(name, token, snapshot), is_local=False)
        except RedisUnavailable:
            return _permit(name, token, self._local(name, snapshot).acquire(token), is_local=True)

    def record(self, permit: Permit, outcome: Outcome) -> None:
        """What became of the call; never raises because of Redis."""
        said = (permit.generation, permit.verdict, permit.token, outcome)
        if permit.is_local:
            local = self._locals.get(permit.name)
            if local:  # else Redis is back, and has its own opinion
                local.record(*said)
            return
        try:
            self._hear(permit.name, self.shared.record(permit.name, *said))
        except RedisUnavailable:
            snapshot = self.registry.current(permit.name)
            if snapshot:
                self._local(permit.name, snapshot).record(*said)

    def close(self) -> None:
        self.registry.close()
        self.shared.close()

    def _ask(self, name: str, token: str, snapshot: Snapshot | None) -> BreakerAnswer:
        answer = self.shared.acquire(name, token)
        if answer.verdict == "missing":
            snapshot = self.registry.read(name) or snapshot
            if snapshot is None:
                raise _unknown(name)
            self.shared.configure(snapshot)
            answer = self.shared.acquire(name, token)
        self._hear(name, answer)
        return answer

    def _hear(self, name: str, answer: BreakerAnswer) -> None:
        """Remember where the shared breaker is: Redis may be gone at the next call."""
        if answer.verdict == "missing":
            return
        until = None if answer.left is None else time.monotonic() + answer.left
        self._heard[name] = LocalSettings(
            answer.state,
            answer.kind,
            answer.cause,
            answer.generation,
            answer.wait,
            until,
            answer.reset_version,
        )
        if self._locals:
            with self._lock:
                self._locals.pop(name, None)
        if answer.pending_events:
            self.registry.deliver(name)

    def _local(self, name: str, snapshot: Snapshot | None) -> LocalBreaker:
        with self._lock:
            local = self._locals.get(name)
            if snapshot is None:
                raise _unknown(name)
            if local is None:
                local = self._locals[name] = self._seeded(name, snapshot)
            local.configure(snapshot)
            return local

    def _seeded(self, name: str, snapshot: Snapshot) -> LocalBreaker:
        """From whichever is younger: what Redis last said to this process, or what PostgreSQL keeps."""
        row, heard = settings_of_row(snapshot, time.monotonic()), self._heard.get(name)
        is_younger = heard and heard.generation >= row.generation and heard.reset_version == row.reset_version
        seed = heard if heard and is_younger else row

        def tell(before: str, after: BreakerAnswer) -> None:
            self.registry.tell_local(name, before, after)

        return LocalBreaker(snapshot, seed, tell, time.monotonic)


def _permit(name: str, token: str, answer: BreakerAnswer, *, is_local: bool) -> Permit:
    if answer.verdict not in {"call", "probe", "free"}:
        cause = "forced open by an operator" if answer.mode == "forced_open" else answer.cause
        if answer.state == "half_open":
            cause = "it is half-open and its probes are under way"
        raise BreakerOpen(name, kind=answer.kind, cause=cause, left_seconds=answer.left)
    would_refuse = answer.verdict == "free" and answer.mode == "shadow"
    return Permit(name, answer.generation, answer.verdict, token, is_local, would_refuse)


def _unknown(name: str) -> BreakerOpen:
    """Neither PostgreSQL nor Redis has said anything about it yet: no call is better than a blind one."""
    return BreakerOpen(
        name, kind="unknown", cause="its state is unknown: no database and no Redis answer", left_seconds=1.0
    )


_gate: BreakerClient | None = None
_making = threading.Lock()


def of_process() -> BreakerClient:
    """The one of this process; a fork makes its own, for neither threads nor sockets outlive it."""
    global _gate
    with _making:
        if _gate is None:
            _gate = BreakerClient()
        return _gate


def close() -> None:
    """Let go of the connections of this process."""
    global _gate
    with _making:
        if _gate is not None:
            _gate.close()
        _gate = None


def _forget() -> None:
    global _gate, _making
    _gate, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


def acquire(name: str) -> Permit:
    """May a call to this service be made? Raises `BreakerOpen`. An unknown name gets a breaker."""
    return of_process().acquire(name)


def record(permit: Permit, outcome: Outcome) -> None:
    """What became of the call that the permit was for."""
    of_process().record(permit, outcome)
