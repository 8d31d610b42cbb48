"""The broker of the watchdog's cluster: django-q2's queue in PostgreSQL, and a permanent message to watch.

`reliability.watchdog.loop` says why both.
"""

import logging
import time
from typing import Any

from django.db import connection
from django_q.brokers.orm import ORM
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage

from governance.db import errors as db_errors
from reliability.cluster import shared_state, worker_broker
from reliability.dependency_log import Outage

logger = logging.getLogger(__name__)

# Between handing the order out and the worker process having begun to watch.
BEGIN_SECONDS = 2.0


class WatchdogBroker(ORM):
    """Gives the order when no process of this cluster watches, and what is queued otherwise."""

    function = "reliability.watchdog.loop.watch"

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._ordered_at = float("-inf")
        self._outage = Outage("database connection", logger)

    def dequeue(self) -> list[Any] | None:
        if shared_state.current().is_stopping:
            time.sleep(worker_broker.POLL_SECONDS)
            return None
        if self._nobody_watches():
            self._ordered_at = time.monotonic()
            return [worker_broker.message(self.function)]
        return self._queued()

    def _nobody_watches(self) -> bool:
        has_begun = time.monotonic() - self._ordered_at > BEGIN_SECONDS
        return has_begun and not shared_state.is_anybody_staying()

    def _queued(self) -> list[Any] | None:
        try:
            queued: list[Any] | None = super().dequeue()
        except db_errors.ERRORS as error:
            if not db_errors.is_unavailable(error):
                raise
            connection.close()
            self._outage.seen(db_errors.describe(error))
            time.sleep(BEGIN_SECONDS)
            return None
        self._outage.over()
        return self._readable(queued)

    def _readable(self, queued: list[Any] | None) -> list[Any] | None:
        """Without the messages that were signed with another `DJANGO_SECRET_KEY`. They are deleted, all at
        once: what they ask for is asked for again by the schedules."""
        if all(_is_ours(payload) for _, payload in queued or []):
            return queued
        waiting = OrmQ.objects.filter(key=self.list_key)
        foreign = [pk for pk, payload in waiting.values_list("pk", "payload") if not _is_ours(payload)]
        OrmQ.objects.filter(pk__in=foreign).delete()
        logger.warning(
            "dropped %d message(s) of the watchdog's queue: signed with another DJANGO_SECRET_KEY",
            len(foreign),
        )
        return [(pk, payload) for pk, payload in queued or [] if pk not in foreign]


def _is_ours(payload: str) -> bool:
    try:
        SignedPackage.loads(payload)
    except (BadSignature, TypeError):
        return False
    return True
