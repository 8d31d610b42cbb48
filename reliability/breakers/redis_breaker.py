"""The breakers that everyone shares: state in Redis, changed by atomic scripts alone, on Redis's clock."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from reliability.bounded_redis import BoundedRedis
from reliability.breakers.outcomes import Outcome
from reliability.breakers.settings import Snapshot

_LUA = Path(__file__).parent / "lua"
_EVENTS_AT_ONCE = 200


@dataclass(frozen=True)
class BreakerAnswer:
    """What a script said. Waits are seconds; `left` is none when an operator must act first."""

    verdict: str
    state: str = ""
    kind: str = ""
    cause: str = ""
    generation: int = 0
    left: float | None = None
    wait: float = 0.0
    pending_events: int = 0
    mode: str = "normal"
    reset_version: int = 0


class RedisBreakers:
    """Redis as this process reaches it. Every call ends within 100 ms, with an answer or with
    `RedisUnavailable`."""

    def __init__(self, url: str | None = None) -> None:
        self.redis = BoundedRedis(url)
        self._client = self.redis.client
        common = (_LUA / "common.lua").read_text()
        self._scripts = {
            path.stem: self.redis.script(common + path.read_text())
            for path in _LUA.glob("*.lua")
            if path.stem != "common"
        }

    def acquire(self, name: str, token: str) -> BreakerAnswer:
        return self._answer("acquire", name, [token])

    def record(self, name: str, generation: int, verdict: str, token: str, outcome: Outcome) -> BreakerAnswer:
        wait = -1 if outcome.wait_seconds is None else round(outcome.wait_seconds * 1000)
        arguments = [generation, verdict, token, outcome.kind, wait, random.random(), outcome.said]
        return self._answer("record", name, arguments)

    def configure(self, snapshot: Snapshot) -> BreakerAnswer:
        """Bring settings, and the last known state if Redis has none. What is older changes nothing."""
        row = snapshot.row
        arguments = [
            row.version,
            row.failure_threshold,
            _ms(row.reset_timeout),
            _ms(row.window_seconds),
            row.min_calls,
            row.failure_rate,
            row.half_open_probes,
            _ms(row.probe_lease_seconds),
            _ms(row.max_wait_seconds),
            row.mode,
            _ms(snapshot.left(row.mode_until)),
            row.reset_version,
            "reset by an operator",
            row.state,
            row.kind,
            row.cause,
            row.generation,
            _ms(row.wait_seconds),
            _ms(snapshot.left(row.retry_at)),
            _ms(snapshot.ago(row.opened_at)),
        ]
        return self._answer("configure", row.name, arguments)

    def look(self, name: str) -> list[Any] | None:
        """What `look.lua` says, or none if Redis does not know the breaker."""
        found = self._run("look", name, [])
        return None if found[0] == "missing" else found[1:]

    def events(self, name: str) -> tuple[int, list[dict[str, Any]], list[str]]:
        """Redis's time (ms), the oldest transitions that nobody has delivered, and the same raw."""

        def read() -> Any:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.time()
                pipe.lrange(_keys(name)[3], 0, _EVENTS_AT_ONCE - 1)
                return pipe.execute()

        (seconds, micros), raw = self.redis.ask(read)
        return (
            seconds * 1000 + micros // 1000,
            [orjson.loads(event) for event in raw],
            [event.decode() for event in raw],
        )

    def forget_events(self, name: str, raw: list[str]) -> None:
        """They are rows now. By value: whoever else delivers takes none that is not a row yet."""

        def remove() -> None:
            with self._client.pipeline(transaction=False) as pipe:
                for event in raw:
                    pipe.lrem(_keys(name)[3], 1, event)
                pipe.execute()

        self.redis.ask(remove)

    def close(self) -> None:
        self.redis.close()

    def _answer(self, script: str, name: str, arguments: list[Any]) -> BreakerAnswer:
        found = self._run(script, name, arguments)
        if found[0] == "missing":
            return BreakerAnswer("missing")
        verdict, state, kind, cause, generation, left, wait, pending, mode, reset_version = found
        return BreakerAnswer(
            verdict,
            state,
            kind,
            cause,
            int(generation),
            None if int(left) < 0 else int(left) / 1000,
            int(wait) / 1000,
            int(pending),
            mode,
            int(reset_version),
        )

    def _run(self, script: str, name: str, arguments: list[Any]) -> list[Any]:
        found = self.redis.ask(lambda: self._scripts[script](_keys(name), arguments))
        return [part.decode() if isinstance(part, bytes) else part for part in found]


def _keys(name: str) -> list[str]:
    """In one slot, should Redis be a cluster."""
    base = f"breaker:{{{name}}}"
    return [base, f"{base}:window", f"{base}:probes", f"{base}:events"]


def _ms(seconds: float | None) -> int:
    return -1 if seconds is None else round(seconds * 1000)
