"""Claims: pending to in_progress, in batches, each under a lease with a fencing token."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from governance.db.prepared_statements import Prepared
from governance.tasks.transitions.leases import LEASE
from governance.tasks.transitions.types import SUSPECT_CRASHES, ClaimedTask

# Slots: how many tasks this process would take for each of its workers; none while the fleet is paused, or
# nothing is known of it. That is asked once, before anything is read. Suspects, whose process died
# under them twice, are left to `_SUSPECTS`, so that one poisonous task cannot take others with it.
_DUE = """
  SELECT t.id, 'pending' AS was FROM
    (SELECT s.worker_id, s.free
     FROM unnest(%(workers)s::text[], %(free)s::int[]) AS s(worker_id, free)
     JOIN worker_registry w ON w.worker_id = s.worker_id AND w.status = 'active' AND s.free > 0
     CROSS JOIN (SELECT set_config('synchronous_commit', %(commit)s, true)) AS durability
     WHERE (SELECT status FROM fleet) = 'active') slots
  CROSS JOIN LATERAL (
    SELECT id FROM governance_tasks
    WHERE status = 'pending' AND assigned_worker = slots.worker_id AND crash_attempts {suspicion}
      AND rank <= (now() AT TIME ZONE 'UTC') AND run_after <= now()
      AND (deadline IS NULL OR deadline > now())
    ORDER BY rank LIMIT slots.free FOR UPDATE SKIP LOCKED) t"""

# The fencing token is the microsecond of the claim, and always more than before. A plain count would repeat
# itself: a server that crashes forgets claims which it had not yet written (see `_claim`).
#
# The array keeps the planner on the primary key: it cannot know how small `picked` is, and would read
# the whole table to join it.
_CLAIM = """
WITH picked AS MATERIALIZED ({due}{limit}),
moved AS (
  UPDATE governance_tasks t
  SET status = 'in_progress', transitions = t.transitions + 1, updated_at = now(), started_at = now(),
      attempts = t.attempts + 1, lease_owner = %(process)s::uuid, lease_expires_at = now() + %(lease)s,
      lease_token = greatest(t.lease_token + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
  WHERE t.id = ANY(ARRAY(SELECT id FROM picked))
  RETURNING t.*),
logged AS (
  INSERT INTO task_events (task_id, seq, from_status, to_status, actor, attempt, process_id)
  SELECT id, transitions, 'pending', 'in_progress', assigned_worker, attempts, lease_owner FROM moved)
SELECT id, task_type, payload, assigned_worker, attempts, error_attempts, max_attempts, lease_token,
       timeout_seconds, extract(epoch FROM deadline - now())::float8, crash_attempts
FROM moved ORDER BY rank"""

_CLAIMING = {"workers": "text[]", "free": "int[]", "process": "uuid", "lease": "interval", "commit": "text"}
_CLAIM_DUE = Prepared(
    "claim", _CLAIM.format(due=_DUE.format(suspicion=f"< {SUSPECT_CRASHES}"), limit=""), **_CLAIMING
)
_CLAIM_SUSPECT = Prepared(
    "claim_suspect",
    _CLAIM.format(due=_DUE.format(suspicion=f">= {SUSPECT_CRASHES}"), limit=" LIMIT 1"),
    **_CLAIMING,
)


def claim(*, process_id: UUID, free: dict[str, int]) -> list[ClaimedTask]:
    """pending → in_progress: take due tasks, at most `free[worker_id]` of each worker, oldest rank first.

    Counts the attempt and raises the fencing token. Skips rows that somebody else is just taking.
    """
    return _claim(_CLAIM_DUE, process_id, free)


def claim_suspect(*, process_id: UUID, worker_ids: Sequence[str]) -> list[ClaimedTask]:
    """pending → in_progress for one task that was twice running when its process died.

    A process holds at most one of them, so two poisonous tasks cannot be taken for one another.
    """
    return _claim(_CLAIM_SUSPECT, process_id, dict.fromkeys(worker_ids, 1))


def _claim(statement: Prepared, process_id: UUID, free: dict[str, int]) -> list[ClaimedTask]:
    """A claim of its own need not wait for the disk: if the server crashes before it got there, the task is
    pending again and the claimant's token refused. Together with reports it is as durable as they are."""
    parameters = {
        "workers": list(free),
        "free": list(free.values()),
        "process": str(process_id),
        "lease": LEASE,
        "commit": "on" if connection.in_atomic_block else "off",
    }
    return [ClaimedTask(*row) for row in statement.run(parameters)]
