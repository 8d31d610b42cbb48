"""The watchdog acts under its own rows of `worker_tool_permissions`: a duty without one is not done."""

import logging
from collections.abc import Mapping

from django.db import OperationalError
from django.utils import timezone

from governance.access import permissions
from governance.access.permissions import Decision
from governance.db import locks
from reliability.watchdog import sweep

logger = logging.getLogger(__name__)

WORKER_ID = "WATCHDOG"
# How long a duty's permission may wait for the count of a quota.
LOCK_SECONDS = 0.1


class DutyPermissions:
    """Which duties may be done now; says once when one stops and once when it goes on."""

    def __init__(self) -> None:
        self.stopped: frozenset[str] = frozenset()

    def permitted(self, duties: Mapping[str, sweep.Duty]) -> Mapping[str, sweep.Duty]:
        """Those of the duties that the rows allow now. A duty cannot wait for a person: one that needs an
        approval each time is not done."""
        decisions = {name: _check(name) for name in duties}
        stopped = {name: _why_not(decision) for name, decision in decisions.items() if not _is_free(decision)}
        self._tell(stopped)
        return {name: duty for name, duty in duties.items() if name not in stopped}

    def _tell(self, stopped: Mapping[str, str]) -> None:
        for name in sorted(stopped.keys() - self.stopped):
            logger.warning("watchdog duty %r is stopped: %s", name, stopped[name])
        for name in sorted(self.stopped - stopped.keys()):
            logger.info("watchdog duty %r goes on: it is permitted again", name)
        self.stopped = frozenset(stopped)


def _check(duty: str) -> Decision:
    """A count of its quota that somebody has locked stops this duty for one sweep: unknown is no."""
    try:
        with locks.wait_at_most(LOCK_SECONDS):
            return permissions.check(WORKER_ID, sweep.tool_name(duty))
    except OperationalError as error:
        if not locks.is_timeout(error):
            raise
        rule = "permission: its quota is locked by somebody"
        return Decision(WORKER_ID, sweep.tool_name(duty), False, rule, timezone.now())


def _is_free(decision: Decision) -> bool:
    return decision.is_allowed and not decision.needs_approval


def _why_not(decision: Decision) -> str:
    return f"{decision.rule}, with an approval each time" if decision.is_allowed else decision.rule
