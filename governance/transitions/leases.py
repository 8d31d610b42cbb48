"""Leases: renewed by who holds them, taken back when they run out."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from governance.claims import MAX_CRASHES, Moved
from governance.dead_letter_rows import INSERT_LETTERS, NEW_LETTER
from governance.prepared import Prepared
from governance.transitions.edges import edge, failure, moved

LEASE = timedelta(seconds=8)
GRACE_AFTER_RESTART = LEASE

_RENEW = Prepared(
    "renew",
    """
WITH mine AS MATERIALIZED (
  SELECT t.id
  FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held(id, token)
  JOIN governance_tasks t ON t.id = held.id AND t.lease_token = held.token AND t.status = 'in_progress'
  ORDER BY t.id FOR NO KEY UPDATE OF t)
UPDATE governance_tasks t SET lease_expires_at = now() + %(lease)s, updated_at = now()
FROM mine WHERE t.id = mine.id
RETURNING t.id""",
    ids="uuid[]",
    tokens="bigint[]",
    lease="interval",
)


def renew(held: dict[UUID, int], *, lease: timedelta = LEASE) -> set[UUID]:
    """Extend the leases of these tasks (id → token); returns the ids that this process has lost."""
    if not held:
        return set()
    ids = [str(task) for task in held]
    kept = _RENEW.run({"ids": ids, "tokens": list(held.values()), "lease": lease})
    return held.keys() - {row[0] for row in kept}


_CRASHED = f"t.crash_attempts + 1 >= {MAX_CRASHES}"
_RESCUE = edge(
    picked="""
  SELECT id, status AS was, lease_owner AS lost_by FROM governance_tasks
  WHERE status = 'in_progress'
    AND CASE WHEN %(dead)s::uuid[] IS NOT NULL THEN lease_owner = ANY(%(dead)s::uuid[])
        ELSE lease_expires_at < now() AND pg_postmaster_start_time() <= now() - %(grace)s END
  LIMIT %(limit)s FOR UPDATE SKIP LOCKED""",
    to=f"CASE WHEN {_CRASHED} THEN 'failed' ELSE 'pending' END",
    process="picked.lost_by",
    sets=f"""crash_attempts = t.crash_attempts + 1, run_after = now(),
      completed_at = CASE WHEN {_CRASHED} THEN now() END,
      error_message = CASE WHEN {_CRASHED}
        THEN format('killed its worker process %%s times', t.crash_attempts + 1) ELSE t.error_message END,
      failure = CASE WHEN {_CRASHED} THEN {failure("crashes")} END,
      dead_letter_id = CASE WHEN {_CRASHED} THEN {NEW_LETTER} ELSE t.dead_letter_id END""",
    actor="'WATCHDOG'",
    reason="format('its worker process died or stalled (crash %%s)', crash_attempts)",
    letters=INSERT_LETTERS,
)


def rescue(*, dead: Sequence[UUID] | None = None, limit: int = 1000) -> list[Moved]:
    """in_progress → pending, or → failed at the third crash: the lease ran out. With `dead`: what these
    processes held, whatever their leases say, and nothing else.

    While the server was away nobody could renew: after its start, leases have one more lease of time.
    """
    owners = None if dead is None else [str(process) for process in dead]
    return moved(_RESCUE, dead=owners, limit=limit, grace=GRACE_AFTER_RESTART)
