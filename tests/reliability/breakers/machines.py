"""The two forms of the machine behind one face, with a clock that tests move."""

import itertools
from abc import ABC, abstractmethod
from typing import Any

import redis
from django.conf import settings as django_settings

from reliability.breakers import settings
from reliability.breakers.local_breaker import LocalBreaker
from reliability.breakers.models import CircuitBreaker
from reliability.breakers.outcomes import FAILURE, SUCCESS, Outcome
from reliability.breakers.redis_breaker import BreakerAnswer, RedisBreakers

_TIMES = ("opened_at", "retry_at", "mode_until")


class Machine(ABC):
    """A breaker with settings; `moves` are the states that it went through."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._tokens = (str(number) for number in itertools.count())

    def begin(self, **chosen: Any) -> None:
        CircuitBreaker.objects.create(name=self.name, **chosen)
        self.configure()

    def set(self, **chosen: Any) -> None:
        CircuitBreaker.objects.filter(pk=self.name).update(**chosen)
        self.configure()

    def ask(self) -> tuple[BreakerAnswer, str]:
        token = next(self._tokens)
        return self.acquire(token), token

    def call(self, outcome: Outcome) -> BreakerAnswer:
        """One call from beginning to end; the verdict of its record."""
        answer, token = self.ask()
        assert answer.verdict in {"call", "probe"}, answer
        return self.record(answer.generation, answer.verdict, token, outcome)

    def fail(self, times: int) -> None:
        for _ in range(times):
            self.call(FAILURE)

    def succeed(self, times: int) -> None:
        for _ in range(times):
            self.call(SUCCESS)

    def snapshot(self) -> settings.Snapshot:
        return settings.load([self.name])[self.name]

    @abstractmethod
    def state(self) -> str:
        """Of the last transition; asks for no permit."""

    @abstractmethod
    def configure(self) -> None: ...

    @abstractmethod
    def acquire(self, token: str) -> BreakerAnswer: ...

    @abstractmethod
    def record(self, generation: int, verdict: str, token: str, outcome: Outcome) -> BreakerAnswer: ...

    @abstractmethod
    def pass_time(self, seconds: float) -> None: ...

    @abstractmethod
    def moves(self) -> list[tuple[str, str]]: ...

    @abstractmethod
    def close(self) -> None: ...


class Shared(Machine):
    """In Redis. Time passes by moving what is written there into the past."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.shared = RedisBreakers()
        self.client: Any = redis.Redis.from_url(django_settings.REDIS_URL, decode_responses=True)
        self.key = f"breaker:{{{name}}}"

    def configure(self) -> None:
        self.shared.configure(self.snapshot())

    def acquire(self, token: str) -> BreakerAnswer:
        return self.shared.acquire(self.name, token)

    def record(self, generation: int, verdict: str, token: str, outcome: Outcome) -> BreakerAnswer:
        return self.shared.record(self.name, generation, verdict, token, outcome)

    def state(self) -> str:
        return str(self.client.hget(self.key, "state"))

    def pass_time(self, seconds: float) -> None:
        milliseconds = round(seconds * 1000)
        for field in _TIMES:
            if int(self.client.hget(self.key, field) or 0):
                self.client.hincrby(self.key, field, -milliseconds)
        for probe, end in self.client.zrange(f"{self.key}:probes", 0, -1, withscores=True):
            self.client.zadd(f"{self.key}:probes", {probe: end - milliseconds})
        window = self.client.hgetall(f"{self.key}:window")
        self.client.delete(f"{self.key}:window")
        for field, count in window.items():
            self.client.hset(f"{self.key}:window", f"{field[0]}{int(field[1:]) - milliseconds}", count)

    def moves(self) -> list[tuple[str, str]]:
        _, events, _ = self.shared.events(self.name)
        return [(event["from"], event["to"]) for event in events if event["kind"] == "transition"]

    def close(self) -> None:
        self.client.delete(*(self.key + part for part in ("", ":window", ":probes", ":events")))
        self.client.close()
        self.shared.close()


class Local(Machine):
    """In this process, on a clock of the test's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._now = 1000.0
        self._moves: list[tuple[str, str]] = []
        self.breaker: LocalBreaker | None = None

    def configure(self) -> None:
        if self.breaker is None:
            self.breaker = LocalBreaker.from_row(self.snapshot(), self._tell, lambda: self._now)
        self.breaker.configure(self.snapshot())

    def acquire(self, token: str) -> BreakerAnswer:
        return self.breaker.acquire(token)

    def record(self, generation: int, verdict: str, token: str, outcome: Outcome) -> BreakerAnswer:
        return self.breaker.record(generation, verdict, token, outcome)

    def state(self) -> str:
        return self.breaker._state

    def pass_time(self, seconds: float) -> None:
        self._now += seconds

    def moves(self) -> list[tuple[str, str]]:
        return self._moves

    def close(self) -> None:
        self.breaker = None

    def _tell(self, before: str, after: BreakerAnswer) -> None:
        self._moves.append((before, after.state))


def opened(machine: Machine, **chosen: object) -> None:
    """Open after failures, with its probes due."""
    machine.begin(**{"failure_threshold": 2, "reset_timeout": 10, "half_open_probes": 2} | chosen)
    machine.fail(2)
    assert machine.state() == "open"


def half_open(machine: Machine, **chosen: object) -> None:
    opened(machine, **chosen)
    machine.pass_time(10.1)


def waited(answer: BreakerAnswer) -> float:
    assert answer.left is not None
    return answer.left
