"""Notifications (LISTEN/NOTIFY): tell idle workers that there is work, and busy ones to look whether theirs
was stopped.

It carries no facts. A ring that is lost, doubled or late changes nothing but a delay: workers look at
the table every second anyway. It rings after the commit, in a transaction of its own, because a
NOTIFY inside a transaction makes every commit of the whole server queue behind one lock.
"""

from collections.abc import Iterable

from django.db import connection, transaction

CHANNEL = "juggernaut_work"
STOP = "stop"

# Due tasks that wait although neither their worker nor the fleet is paused.
_WAITING = """
SELECT DISTINCT t.assigned_worker
FROM worker_registry w
CROSS JOIN LATERAL (
  SELECT assigned_worker FROM governance_tasks
  WHERE status = 'pending' AND assigned_worker = w.worker_id
    AND rank <= (now() AT TIME ZONE 'UTC') AND run_after < now() - interval '2 seconds'
  LIMIT 1) t
WHERE w.status = 'active' AND (SELECT status FROM fleet) = 'active'
"""

# A ring may get lost, so its commit need not wait for the disk (and hold the server's one lock meanwhile).
_NOTIFY = """
SELECT pg_notify(%s, payload)
FROM (SELECT set_config('synchronous_commit', 'off', true)) hurried, unnest(%s::text[]) payload"""


def notify_workers(worker_ids: Iterable[str]) -> None:
    """Wake the processes of these workers once the current transaction has committed."""
    rung = sorted(set(worker_ids))
    if rung:
        transaction.on_commit(lambda: _notify(rung), robust=True)


def notify_stop() -> None:
    """Make every process look at once whether a task it runs was taken from it."""
    transaction.on_commit(lambda: _notify([STOP]), robust=True)


def notify_stale_queues() -> int:
    """Ring for work that has been due for two seconds and not been taken; returns for how many workers."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        waiting = [worker_id for (worker_id,) in cursor.fetchall()]
    notify_workers(waiting)
    return len(waiting)


def _notify(payloads: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_NOTIFY, [CHANNEL, payloads])
