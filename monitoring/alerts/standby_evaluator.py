"""Evaluates alert rules in every web process while the watchdog is silent, every 15 s.

A watchdog that dies is followed by a standby, which looks by itself. If there is none, nobody sweeps, and
nobody would say so. So each web process asks how long the watchdog has been silent; once that is an alert,
it asks all rules in its place and delivers, until a watchdog is back. However many do it, the rows are the
same, and each message has one sender. They act under the watchdog's permission for the duty, as it does.
"""

import logging
import threading
import time
from typing import NoReturn

from django.db import connection, connections

from governance.access import permissions
from governance.db import errors as db_errors
from monitoring.alerts import watchdog_duty
from monitoring.alerts.delivery import sender
from monitoring.alerts.evaluator import Evaluator
from reliability.dependency_log import Outage
from reliability.watchdog import sweep

logger = logging.getLogger(__name__)

EVERY_SECONDS = 15.0

_SILENT = """
SELECT extract(epoch FROM clock_timestamp() - w.last_heartbeat)::float8, r.threshold
FROM alert_rules r LEFT JOIN worker_registry w ON w.worker_id = 'WATCHDOG'
WHERE r.name = 'watchdog_late' AND r.is_enabled"""


class StandbyEvaluator:
    """What one web process remembers between its rounds."""

    def __init__(self) -> None:
        self.began_at = time.monotonic()
        self.evaluator = Evaluator()
        self.outage = Outage("database connection", logger)
        self.is_standing_in = False

    def round(self) -> None:
        """Look at the watchdog, and stand in for it if it is late."""
        try:
            self._stand_in_if_late()
        except db_errors.ERRORS as error:
            if not db_errors.is_unavailable(error):
                raise
            self.outage.seen(db_errors.describe(error))
        else:
            self.outage.over()

    def _stand_in_if_late(self) -> None:
        is_late = self._is_late() and _is_permitted()
        if is_late != self.is_standing_in:
            self.is_standing_in = is_late
            logger.warning("the watchdog is %s", "late: alerts are looked for here" if is_late else "back")
        if not is_late:
            self.evaluator.touch()
            return
        self.evaluator.look()
        sender.deliver()

    def _is_late(self) -> bool:
        """Both may have just been started: the watchdog is given the time that it may be silent."""
        with connection.cursor() as cursor:
            cursor.execute(_SILENT)
            found = cursor.fetchone()
        if found is None:
            return False
        silent, threshold = found
        looked_for = time.monotonic() - self.began_at
        return bool(looked_for > threshold and (silent is None or silent > threshold))


def start() -> None:
    """Look out from this process from now on."""
    threading.Thread(target=_watch, name="lookout", daemon=True).start()


def _watch() -> NoReturn:
    lookout = StandbyEvaluator()
    while True:
        time.sleep(EVERY_SECONDS)
        try:
            lookout.round()
        except Exception:
            logger.exception("the lookout for the watchdog failed; it looks again in %g s", EVERY_SECONDS)
        finally:
            connections.close_all()


def _is_permitted() -> bool:
    decision = permissions.look("WATCHDOG", sweep.tool_name(watchdog_duty.NAME))
    return decision.is_allowed and not decision.needs_approval
