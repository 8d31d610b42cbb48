"""Redis as a process asks it for decisions: every question ends within 100 ms, answered or
`RedisUnavailable`."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from django.conf import settings as django_settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from reliability.dependency_log import Outage

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Together they bound a call to 100 ms, even the one that connects.
CONNECT_SECONDS = 0.04
ANSWER_SECONDS = 0.05
# While Redis is away only one call in a second finds that out again, the others go on at once.
AWAY_SECONDS = 1.0


class RedisUnavailable(Exception):
    """Redis did not answer."""


class BoundedRedis:
    """A client for questions that a call waits for. Safe for threads."""

    def __init__(self, url: str | None = None) -> None:
        self.client = redis.Redis.from_url(
            url or django_settings.REDIS_URL,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,  # or it would introduce itself first: more answers to wait for
        )
        self._away_until = 0.0
        self._outage = Outage("redis connection", logger)
        self._lock = threading.Lock()

    def script(self, source: str) -> Callable[[list[str], list[Any]], Any]:
        """An atomic script as a function of its keys and arguments: sent once, called by its digest."""
        registered = self.client.register_script(source)

        def run(keys: list[str], args: list[Any]) -> Any:
            try:
                return self.client.execute_command(  # type: ignore[no-untyped-call]
                    "EVALSHA", registered.sha, len(keys), *keys, *args
                )
            except redis.exceptions.NoScriptError:
                return registered(keys=keys, args=args)

        return run

    def ask(self, question: Callable[[], T]) -> T:
        """What Redis answers to what `question` does with it; raises `RedisUnavailable`."""
        if time.monotonic() < self._away_until:
            raise RedisUnavailable
        try:
            answer = question()
        except redis.RedisError as error:
            with self._lock:
                self._away_until = time.monotonic() + AWAY_SECONDS
                said = " ".join(str(error).split())
                self._outage.seen(
                    f"redis connection failed: {said}; breakers decide per process, and so do rate limits"
                )
            raise RedisUnavailable from error
        if self._outage.is_on:
            with self._lock:
                self._outage.over()
        return answer

    def close(self) -> None:
        self.client.close()
