"""The pause check: may this task go on at all? Asked before every call, in one statement."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from governance.db.prepared_statements import Prepared
from governance.models.budget import FLEET
from governance.tasks.waits import Wait, WaitKind

# Who paused a worker is in the audit log alone; it is read only for one that is paused.
_LOOK = Prepared(
    "pause_check",
    """
SELECT EXISTS (SELECT FROM governance_tasks WHERE id = %(task)s AND status = 'in_progress'
                 AND lease_token = %(lease)s),
  f.status, f.paused_by, f.reason, f.paused_at, coalesce(w.status, ''), a.actor, a.reason, a.created_at
FROM (SELECT) one
LEFT JOIN fleet f ON true
LEFT JOIN worker_registry w ON w.worker_id = %(worker)s
LEFT JOIN LATERAL (
  SELECT actor, reason, created_at FROM audit_log
  WHERE w.status = 'paused' AND target = 'worker ' || w.worker_id AND after ->> 'status' = 'paused'
    AND before ->> 'status' <> 'paused'
  ORDER BY id DESC LIMIT 1) a ON true""",
    worker="text",
    task="uuid",
    lease="bigint",
)


@dataclass(frozen=True, slots=True)
class PauseCheck:
    """`is_held`: the task is still in progress under this lease. `wait` says what is paused, if anything."""

    is_held: bool
    wait: Wait | None


def check(worker_id: str, task_id: UUID, lease_token: int) -> PauseCheck:
    """How it stands for a running task. A fleet of which nothing is known counts as paused."""
    row = _LOOK.run({"worker": worker_id, "task": str(task_id), "lease": lease_token})[0]
    is_held, fleet, *of_fleet = row[:5]
    worker, *of_worker = row[5:]
    if fleet is None:
        unknown = f"the table fleet has no row {FLEET}: nothing runs until it is there"
        return PauseCheck(is_held, Wait(kind=WaitKind.PAUSE, name=FLEET, sentence=unknown))
    if fleet == "paused":
        return PauseCheck(is_held, _paused(FLEET, "the fleet", *of_fleet))
    return PauseCheck(is_held, _paused(worker_id, worker_id, *of_worker) if worker == "paused" else None)


def _paused(name: str, called: str, by: str | None, reason: str | None, at: datetime | None) -> Wait:
    who = f" by {by}" if by else ""
    when = f" since {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    why = f": {reason}" if reason else ""
    return Wait(kind=WaitKind.PAUSE, name=name, sentence=f"{called} is paused{who}{when}{why}")
