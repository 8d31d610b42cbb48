"""Leases are left alone for a while after nobody could have renewed them.

PostgreSQL stood still or could not be reached, the machine slept, a clock was set: afterwards every
lease has run out, and every holder lives. Who takes leases away therefore notices when it was cut off
itself, and gives the holders the time of one lease to renew first.
"""

from datetime import datetime, timedelta

from django.db import connection

from governance.tasks.transitions import LEASE

# A watchdog that is well asks every 5 s.
GAP = LEASE


class LeaseGrace:
    """What one watchdog knows of its own absences, by the clock by which leases end: the database's."""

    def __init__(self) -> None:
        self._last_contact: datetime | None = None
        self._ends_at: datetime | None = None

    def contact(self, now: datetime) -> None:
        """The database answered at `now`."""
        if self._last_contact is not None and not timedelta(0) <= now - self._last_contact <= GAP:
            self._ends_at = now + LEASE
        self._last_contact = now

    def is_on(self, now: datetime) -> bool:
        """Whether leases are still to be left alone."""
        return self._ends_at is not None and now < self._ends_at


def database_time() -> datetime:
    """The database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now
