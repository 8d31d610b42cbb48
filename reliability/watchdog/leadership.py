"""One leader at a time, by a lease: whoever falls silent loses it, frozen or dead, on any machine.

An advisory lock would be shorter, but a frozen process keeps its connection and with it the lock.
All times are the database's, so the machines' clocks do not matter. A leader that is delayed may act
for a moment after its lease ran out: what leaders do must be safe to do twice.
"""

from datetime import timedelta

from django.db import OperationalError, connection

from governance.db import locks
from reliability.models import Leadership

# A statement's own time, not its transaction's: the lease must not begin in the past.
_ACQUIRE = """
INSERT INTO leadership AS held (name, owner, since, expires_at)
VALUES (%(name)s, %(owner)s, statement_timestamp(),
        statement_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (name) DO UPDATE SET
  owner = excluded.owner,
  since = CASE WHEN held.owner = excluded.owner THEN held.since ELSE excluded.since END,
  expires_at = excluded.expires_at
WHERE held.owner = excluded.owner OR held.expires_at < excluded.since
RETURNING owner"""

# How long to wait for the row. While somebody else has locked it nobody can renew the lease or take it.
LOCK_SECONDS = 0.5
_LEADS = """
SELECT owner = %(owner)s OR expires_at < statement_timestamp() FROM leadership WHERE name = %(name)s"""


def acquire(name: str, *, owner: str, lease: timedelta) -> bool:
    """Become or stay the leader for the next `lease`; False when somebody else leads.

    While somebody has locked the row (a psql session) the leader goes on, and when its lease has run out
    every candidate leads: what leaders do is safe to do twice, and must not stop.
    """
    try:
        with locks.wait_at_most(LOCK_SECONDS), connection.cursor() as cursor:
            cursor.execute(_ACQUIRE, {"name": name, "owner": owner, "seconds": lease.total_seconds()})
            return cursor.fetchone() is not None
    except OperationalError as error:
        if not locks.is_timeout(error):
            raise
    with connection.cursor() as cursor:
        cursor.execute(_LEADS, {"name": name, "owner": owner})
        (leads,) = cursor.fetchone() or (False,)
    return bool(leads)


def resign(name: str, *, owner: str) -> None:
    """Let the standby take over at once; does nothing when somebody else leads."""
    Leadership.objects.filter(name=name, owner=owner).delete()
