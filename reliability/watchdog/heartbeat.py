"""The watchdog's own sign of life, in Redis for the runbook and in PostgreSQL for when Redis is away."""

import logging
from datetime import UTC, datetime

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from governance.version import VERSION
from governance.workers import heartbeats
from reliability.dependency_log import Outage

WATCHDOG = "WATCHDOG"
KEY = f"watchdog:heartbeat:{WATCHDOG}"
EXPIRES_SECONDS = 15

logger = logging.getLogger(__name__)


def into_registry() -> None:
    """Write `worker_registry.last_heartbeat`."""
    heartbeats.record_instructions_seen([WATCHDOG], version=VERSION)


class RedisHeartbeat:
    """Writes the plain key `watchdog:heartbeat:WATCHDOG`; it vanishes 15 s after the last beat."""

    def __init__(self, url: str | None = None) -> None:
        # redis-py's own retries would hold a sweep up for seconds while Redis is away.
        self._client = redis.Redis.from_url(
            url or settings.REDIS_URL,
            socket_connect_timeout=0.2,
            socket_timeout=0.1,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._outage = Outage("redis connection", logger)

    def beat(self) -> bool:
        """Write the time, ISO 8601 in UTC; False when Redis could not be reached."""
        try:
            self._client.set(KEY, datetime.now(UTC).isoformat(), ex=EXPIRES_SECONDS)
        except redis.RedisError as error:
            self._outage.seen(f"redis connection failed: {error}")
            return False
        self._outage.over()
        return True
