"""One leader at a time, by a lease: whoever falls silent loses it, frozen or dead, on any machine.

An advisory lock would be shorter, but a frozen process keeps its connection and with it the lock.
All times are the database's, so the machines' clocks do not matter. A leader that is delayed may act
for a moment after its lease ran out: what leaders do must be safe to do twice.
"""

from datetime import timedelta

from django.db import connection

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


def acquire(name: str, *, owner: str, lease: timedelta) -> bool:
    """Become or stay the leader for the next `lease`; False when somebody else leads."""
    with connection.cursor() as cursor:
        cursor.execute(_ACQUIRE, {"name": name, "owner": owner, "seconds": lease.total_seconds()})
        return cursor.fetchone() is not None


def resign(name: str, *, owner: str) -> None:
    """Let the standby take over at once; does nothing when somebody else leads."""
    Leadership.objects.filter(name=name, owner=owner).delete()
