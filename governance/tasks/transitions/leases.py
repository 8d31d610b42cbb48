"""Leases: renewed by who holds them, taken back when they run out.

A row that somebody else has locked is skipped: its lease may run out, and no other. The process that holds it
lives and says so in `worker_processes`, so that this counts as no crash.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from governance.db.prepared_statements import Prepared
from governance.tasks.transitions.recorded import still_held
from governance.tasks.transitions.sql.dead_letters import INSERT_LETTERS, NEW_LETTER
from governance.tasks.transitions.sql.divisible import Divisible
from governance.tasks.transitions.sql.edges import edge, failure, moved, run
from governance.tasks.transitions.types import GIVEN_BACK, MAX_CRASHES, Transition

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

LEASE = timedelta(seconds=8)
GRACE_AFTER_RESTART = LEASE

_RENEW = Prepared(
    "renew",
    """
WITH mine AS MATERIALIZED (
  SELECT t.id
  FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held(id, token)
  JOIN governance_tasks t ON t.id = held.id AND t.lease_token = held.token AND t.status = 'in_progress'
  ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED)
UPDATE governance_tasks t SET lease_expires_at = now() + %(lease)s, updated_at = now()
FROM mine WHERE t.id = mine.id
RETURNING t.id""",
    ids="uuid[]",
    tokens="bigint[]",
    lease="interval",
)


def renew(held: dict[UUID, int], *, lease: timedelta = LEASE) -> set[UUID]:
    """Extend the leases of these tasks (id → token); returns the ids that this process has lost.

    What somebody else has locked is neither extended nor lost.
    """
    if not held:
        return set()
    ids = [str(task) for task in held]
    kept = _RENEW.run({"ids": ids, "tokens": list(held.values()), "lease": lease})
    renewed = {row[0] for row in kept}
    others = {task: token for task, token in held.items() if task not in renewed}
    return others.keys() - still_held(others)


# The lease ran out, and its owner could have renewed it: nobody could while the server was away.
_RAN_OUT = "lease_expires_at < now() AND pg_postmaster_start_time() <= now() - %(grace)s"
# The owner still sends heartbeats, or its row is locked, so that it cannot: then the lease ran out because
# somebody had locked the task. That is no crash.
_LIVES = """EXISTS (SELECT FROM worker_processes p WHERE p.process_id = t.lease_owner
      AND (p.last_seen > now() - %(lease)s OR p.process_id = ANY(%(unsure)s::uuid[])))"""
# A claim and a renewal set both columns, so a lease that ends later than this has been extended by `_GRACE`.
_HAD_GRACE = "lease_expires_at > updated_at + %(lease)s"
_GRACE = f"""
UPDATE governance_tasks t SET lease_expires_at = now() + %(lease)s
WHERE t.id = ANY(ARRAY(
  SELECT t.id FROM governance_tasks t
  WHERE t.status = 'in_progress' AND {_RAN_OUT} AND NOT {_HAD_GRACE} AND {_LIVES}
  LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED))
RETURNING t.id"""


def extend_unrenewed(*, unsure: Sequence[UUID] = (), limit: int = 1000) -> int:
    """Give leases that ran out although their process lives one more lease of time; returns how many.

    Their rows were locked by somebody else, and now are not: the process renews them at its next heartbeat.
    `unsure` are processes whose own rows were locked lately, so that they may be silent and live.
    """
    return len(run(_GRACE, lease=LEASE, grace=GRACE_AFTER_RESTART, unsure=_texts(unsure), limit=limit))


_SKIPPING = "LIMIT %(limit)s FOR UPDATE SKIP LOCKED"
_HELD = """
  SELECT t.id, t.status AS was, t.lease_owner AS lost_by FROM governance_tasks t
  WHERE t.status = 'in_progress' AND {which}
  """
_TAKE_BACK = edge(
    picked=_HELD.format(which=f"{_RAN_OUT} AND {_HAD_GRACE} AND {_LIVES}") + _SKIPPING,
    to="'pending'",
    process="picked.lost_by",
    sets="attempts = t.attempts - 1, run_after = now()",
    actor="'WATCHDOG'",
    reason=f"'{GIVEN_BACK}: its lease ran out, and its process lives and did not renew it'",
)


def take_back(*, unsure: Sequence[UUID] = (), limit: int = 1000) -> list[Transition]:
    """in_progress → pending for leases that a living process did not renew after `extend_unrenewed`.

    It is no crash, and the attempt does not count."""
    return moved(_TAKE_BACK, lease=LEASE, grace=GRACE_AFTER_RESTART, unsure=_texts(unsure), limit=limit)


_LOST = f"""CASE WHEN %(dead)s::uuid[] IS NOT NULL THEN t.lease_owner = ANY(%(dead)s::uuid[])
      ELSE {_RAN_OUT} AND NOT {_LIVES} END"""
_IS_LAST = f"t.crash_attempts + 1 >= {MAX_CRASHES}"
_BY_WATCHDOG = {
    "process": "picked.lost_by",
    "actor": "'WATCHDOG'",
    "reason": "format('its worker process died or stalled (crash %%s)', crash_attempts)",
}
_RESCUE = edge(
    picked=_HELD.format(which=f"{_LOST} AND NOT {_IS_LAST}") + _SKIPPING,
    to="'pending'",
    sets="crash_attempts = t.crash_attempts + 1, run_after = now()",
    **_BY_WATCHDOG,
)
_GIVE_UP = Divisible(
    _HELD.format(which=f"{_LOST} AND {_IS_LAST}"),
    to="'failed'",
    sets=f"""crash_attempts = t.crash_attempts + 1, run_after = now(), completed_at = now(),
      error_message = format('killed its worker process %%s times', t.crash_attempts + 1),
      failure = {failure("crashes")}, dead_letter_id = {NEW_LETTER}""",
    letters=INSERT_LETTERS,
    **_BY_WATCHDOG,
)


def rescue(
    *, dead: Sequence[UUID] | None = None, unsure: Sequence[UUID] = (), limit: int = 1000
) -> list[Transition]:
    """in_progress → pending, or → failed at the third crash: the lease ran out, and so did the process's own
    heartbeat. With `dead`: what these processes held, whatever their leases say, and nothing else.

    While the server was away nobody could renew: after its start, leases have one more lease of time.
    `unsure` is what `extend_unrenewed` takes.
    """
    lost = {
        "dead": None if dead is None else _texts(dead),
        "unsure": _texts(unsure),
        "lease": LEASE,
        "grace": GRACE_AFTER_RESTART,
    }
    return moved(_RESCUE, limit=limit, **lost) + _GIVE_UP.moved(limit=limit, **lost)


def _texts(ids: Sequence[UUID]) -> list[str]:
    return [str(one) for one in ids]
