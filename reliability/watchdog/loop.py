"""The watch: a sweep every 5 s by the one watchdog that leads, in a function that a cluster runs.

django-q2's schedule "watchdog" asks for a watch every minute, and a watch ends within the minute, so
that other scheduled messages get their turn on the watchdog's one worker process. But all
`watchdog_main.py` share one queue: a message wakes one of them, is locked away while that one lives
or dies, and the scheduler looks only every 30 s. A standby has to notice within 15 s that the leader
is gone. So each cluster's broker (`reliability.cluster.watchdog_broker`) also hands its own process the order
to watch, whenever it does not: at the start, and between two watches. The schedule is then the fleet's
clock for what is to come, and a proof, once a minute, that scheduler, queue and worker still work.

The standby does nothing but ask, every 2 s, for a lease of 10 s that the leader renews with each
sweep.
"""

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

from django.db import connection

from governance.db import errors as db_errors
from governance.db import locks
from reliability.cluster import shared_state
from reliability.dependency_log import Outage
from reliability.watchdog import heartbeat, leadership, lease_grace, sweep
from reliability.watchdog.duty_permissions import DutyPermissions
from reliability.watchdog.lease_grace import LeaseGrace

logger = logging.getLogger(__name__)

NAME = "watchdog"
WATCH_SECONDS = 50.0
SWEEP_SECONDS = 5.0
STANDBY_SECONDS = 2.0
LEASE = timedelta(seconds=10)
STEP_SECONDS = 0.2


class Watchdog:
    """What one process remembers between its rounds."""

    def __init__(
        self,
        *,
        owner: str,
        duties: Mapping[str, sweep.Duty] = sweep.DUTIES,
        redis: heartbeat.RedisHeartbeat | None = None,
    ) -> None:
        self.owner = owner
        self.duties = duties
        self.redis = redis or heartbeat.RedisHeartbeat()
        self.is_leading = False
        self.due_at = 0.0
        self.outage = Outage("database connection", logger)
        self.lease_grace = LeaseGrace()
        self.permissions = DutyPermissions()

    def round(self) -> None:
        """Lead and sweep, or stand by. While PostgreSQL is unavailable, show at least a heartbeat."""
        try:
            self._take_part()
        except db_errors.ERRORS as error:
            self._wait_for_database(error)
        self.due_at = time.monotonic() + (SWEEP_SECONDS if self.is_leading else STANDBY_SECONDS)

    def _take_part(self) -> None:
        leads = leadership.acquire(NAME, owner=self.owner, lease=LEASE)
        self.outage.over()
        now = lease_grace.database_time()
        self.lease_grace.contact(now)
        if leads != self.is_leading:
            self.is_leading = leads
            logger.info("this watchdog (%s) %s", self.owner, "leads" if leads else "stands by")
        if leads:
            self.redis.beat()
            heartbeat.into_registry()
            sweep.run(self._duties(now), leader=self.owner)
            self.lease_grace.contact(lease_grace.database_time())

    def _duties(self, now: datetime) -> Mapping[str, sweep.Duty]:
        permitted = self.permissions.permitted(self.duties)
        if not self.lease_grace.is_on(now):
            return permitted
        logger.warning("leases are left alone for a while: nobody could renew them")
        return {name: duty for name, duty in permitted.items() if duty is not sweep.rescue_crashed}

    def _wait_for_database(self, error: Exception) -> None:
        if locks.is_timeout(error):
            logger.warning("this round is left to the next: %s", db_errors.describe_if_unavailable(error))
            return
        if not db_errors.is_unavailable(error):
            raise error
        connection.close()
        self.outage.seen(db_errors.describe(error))
        self.redis.beat()

    def resign(self) -> None:
        """Leave the lead to the standby, as far as the database can be told."""
        try:
            leadership.resign(NAME, owner=self.owner)
        except db_errors.ERRORS as error:
            self.outage.seen(db_errors.describe(error))
        self.is_leading = False


@cache
def _of_this_process() -> Watchdog:
    return Watchdog(owner=shared_state.current().owner)


def watch() -> None:
    """Watch for less than a minute, or until the cluster stops; what django-q2 calls."""
    locks.begin()
    beat = shared_state.join()
    watchdog = _of_this_process()
    until = time.monotonic() + WATCH_SECONDS
    while not beat.should_leave and time.monotonic() < until:
        beat.tick()
        if time.monotonic() >= watchdog.due_at:
            watchdog.round()
        time.sleep(STEP_SECONDS)
    if beat.should_leave:
        watchdog.resign()
