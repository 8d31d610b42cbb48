"""Whether anything of the system waits for a lock that somebody holds. Who that is, diagnosis says.

Work in sets skips rows that somebody has locked, so that often no statement waits, and a task does: its lease
cannot be renewed, or it is parked until the lock is gone. Both are counted.
"""

from typing import Any

from governance.tasks.transitions import LEASE
from monitoring.health.probe import Probe, Row

COUNTED_UP_TO = 1000

# Asked with every look at health: each count ends at its limit, and reads one partial index.
_WAITING = """
SELECT s.statements, s.longest,
  (SELECT count(*) FROM (
     SELECT FROM governance_tasks t WHERE t.status = 'in_progress' AND t.lease_expires_at < now()
       AND EXISTS (SELECT FROM worker_processes p WHERE p.process_id = t.lease_owner
                   AND p.last_seen > now() - %(lease)s)
     LIMIT %(limit)s) t)::int AS unrenewed,
  (SELECT count(*) FROM (
     SELECT FROM governance_tasks WHERE wait IS NOT NULL AND wait ->> 'kind' = 'lock'
     LIMIT %(limit)s) t)::int AS parked
FROM (SELECT count(*)::int AS statements,
        max(extract(epoch FROM clock_timestamp() - query_start))::float8 AS longest
      FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND datname = current_database()
        AND clock_timestamp() - query_start > interval '1 second') s"""


def waiting(probe: Probe) -> Row:
    """How much waits: `statements`, the `longest` of them (seconds), `unrenewed` leases of living processes,
    and `parked` tasks. Counts end at `COUNTED_UP_TO`."""
    return probe.row(_WAITING, {"lease": LEASE, "limit": COUNTED_UP_TO})


def is_waiting(found: Row) -> bool:
    return bool(found["statements"] or found["unrenewed"] or found["parked"])


def described(found: Row) -> list[str]:
    """What waits, in words; nothing if nothing does."""
    said = []
    if found["statements"]:
        said.append(
            f"{found['statements']} statement(s) wait for a lock, the longest for {found['longest']:.0f} s"
        )
    if found["unrenewed"]:
        said.append(
            f"the leases of {found['unrenewed']} running task(s) cannot be renewed: their rows are locked"
        )
    if found["parked"]:
        said.append(f"{found['parked']} task(s) are parked until somebody lets go of a lock")
    return said


def entry(database: dict[str, Any], found: Row) -> dict[str, Any]:
    """The database's entry of health, with what waits for locks."""
    numbers = {"lock_waits": {name: found[name] for name in ("statements", "unrenewed", "parked")}}
    if not is_waiting(found):
        return database | numbers
    said = "; ".join([database["detail"], *described(found), "manage.py diagnose says who holds locks"])
    return database | numbers | {"status": "degraded", "detail": said}
