"""Releases: what a task waits for has come, so it goes back to its old place in the queue.

Each cause has its own edge, for the watchdog's sweep and for SQL; what an operator does through a service
releases at once. Whoever is released asks the same question again, so a release that is too early costs
a little time and nothing else.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from governance.tasks.transitions.sql.edges import edge, moved, run
from governance.tasks.transitions.types import Transition
from governance.tasks.waits import WaitKind

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

WATCHDOG = "WATCHDOG"
# What has been released and cannot be claimed would pile up, and come back as a herd when it can.
_MAY_RUN = """(SELECT status FROM fleet) = 'active' AND NOT EXISTS (
      SELECT FROM worker_registry w WHERE w.worker_id = assigned_worker AND w.status = 'paused')"""
_UNTIL = "(t.wait ->> 'until')::timestamptz"


def _release(kinds: Sequence[WaitKind], condition: str, *, order: str = "t.id", reason: str) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return edge(
        picked=f"""
  SELECT t.id, t.status AS was FROM governance_tasks t
  WHERE t.wait IS NOT NULL AND t.wait ->> 'kind' IN ({listed}) AND {condition}
  ORDER BY {order} LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED""",
        to="'pending'",
        actor="%(actor)s",
        reason=reason,
    )


_UNPAUSED = _release([WaitKind.PAUSE], _MAY_RUN, reason="'its worker was resumed'")

# A quota lets more through when somebody changes its permission, or grants a narrower one.
_PERMISSION_CHANGED = """(
      EXISTS (SELECT FROM audit_log a
              WHERE a.target = left('permission ' || t.assigned_worker || ' ' || (t.wait ->> 'name'), 300)
                AND a.created_at > t.updated_at)
      OR EXISTS (SELECT FROM worker_tool_permissions p
                 WHERE p.worker_id = t.assigned_worker AND p.created_at > t.updated_at))"""
_WAITED_OUT = _release(
    [WaitKind.RATE_LIMIT, WaitKind.LOCK, WaitKind.QUOTA],
    f"""(coalesce({_UNTIL} <= now(), t.wait ->> 'kind' <> '{WaitKind.QUOTA}')
      OR t.wait ->> 'kind' = '{WaitKind.QUOTA}' AND {_PERMISSION_CHANGED})""",
    reason="'its time has come, or its permission was changed'",
)

_DECIDED = _release(
    [WaitKind.APPROVAL],
    """(%(approval)s::text IS NULL OR t.wait ->> 'name' = %(approval)s)
    AND NOT EXISTS (SELECT FROM approvals a WHERE a.id = (t.wait ->> 'name')::uuid
                      AND a.status = 'pending' AND a.expires_at > now())""",
    reason="'its approval was decided, or has expired'",
)

_RECOVERED = _release(
    [WaitKind.BREAKER],
    f"""t.wait ->> 'name' = %(name)s AND {_MAY_RUN}
    AND (%(since)s::timestamptz IS NULL OR t.updated_at <= %(since)s::timestamptz
         OR coalesce({_UNTIL} <= now(), true))""",
    order="t.rank, t.id",
    reason="%(reason)s",
)

# What is dearer than all that is free does not stand in the way of what can be paid.
_REFUSED = f"""
SELECT t.id, coalesce((t.wait ->> 'amount_usd')::numeric, 0) FROM governance_tasks t
WHERE t.wait IS NOT NULL AND t.wait ->> 'kind' = '{WaitKind.BUDGET}' AND t.wait ->> 'name' = %(name)s
  AND coalesce((t.wait ->> 'amount_usd')::numeric, 0) <= %(free)s AND {_MAY_RUN}
ORDER BY t.rank, t.id LIMIT %(limit)s"""
_AFFORDABLE = _release(
    [WaitKind.BUDGET],
    "t.wait ->> 'name' = %(name)s AND t.id = ANY(%(ids)s::uuid[])",
    reason="%(reason)s",
)

# Jumps from name to name in the index: many thousands may wait for one.
_NAMES = """
WITH RECURSIVE names AS (
  (SELECT wait ->> 'name' AS name FROM governance_tasks
   WHERE wait IS NOT NULL AND wait ->> 'kind' = %(kind)s ORDER BY wait ->> 'name' LIMIT 1)
  UNION ALL
  SELECT (SELECT wait ->> 'name' FROM governance_tasks
          WHERE wait IS NOT NULL AND wait ->> 'kind' = %(kind)s AND wait ->> 'name' > names.name
          ORDER BY wait ->> 'name' LIMIT 1)
  FROM names WHERE names.name IS NOT NULL)
SELECT name FROM names WHERE name IS NOT NULL"""


def waited_for(kind: WaitKind) -> list[str]:
    """What tasks wait for: the breakers, the budgets' scopes, …"""
    return [name for (name,) in run(_NAMES, kind=kind.value)]


def release_unpaused(*, limit: int = 1000, actor: str = WATCHDOG) -> list[Transition]:
    """parked → pending: neither the task's worker nor the fleet is paused any more."""
    return moved(_UNPAUSED, limit=limit, actor=actor)


def release_expired_waits(*, limit: int = 1000) -> list[Transition]:
    """parked → pending: the rate limit or the quota resets, the quota's permission was changed, or it is
    time to try again what somebody had locked."""
    return moved(_WAITED_OUT, limit=limit, actor=WATCHDOG)


def release_decided(
    *, approval_id: UUID | None = None, limit: int = 1000, actor: str = WATCHDOG
) -> list[Transition]:
    """waiting_approval → pending: a person has decided, or the time for it is over. Also when the approval is
    gone; with `approval_id`, what waits for that one alone."""
    return moved(_DECIDED, approval=approval_id and str(approval_id), limit=limit, actor=actor)


def release_recovered(
    name: str, *, limit: int, reason: str, closed_at: datetime | None = None
) -> list[Transition]:
    """parked → pending for those that waited longest for this breaker, at most `limit`.

    With `closed_at`, who was refused after that time waits for his own time: some process knows better.
    """
    return moved(_RECOVERED, name=name, since=closed_at, limit=limit, reason=reason, actor=WATCHDOG)


def release_within_budget(
    scope: str, *, free_usd: Decimal, limit: int, reason: str
) -> dict[Transition, Decimal]:
    """parked → pending for as many of those that this budget refused as `free_usd` pays for, oldest first.

    Returns what each of them needs at least, in USD.
    """
    amounts, left = {}, free_usd
    for task_id, amount in run(_REFUSED, name=scope, free=free_usd, limit=limit):
        if amount <= left:
            amounts[task_id] = amount
            left -= amount
    ids = [str(task_id) for task_id in amounts]
    released = moved(_AFFORDABLE, name=scope, ids=ids, limit=limit, reason=reason, actor=WATCHDOG)
    return {task: amounts[task.id] for task in released}
