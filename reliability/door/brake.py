"""Whether a task may make calls now: it is still ours, and nobody has paused its worker."""

from typing import Any

from django.db import connection

from governance.models import Worker
from reliability.door import refusals
from reliability.door.call import Call
from reliability.failures import Stopped

_LOOK = """
SELECT (SELECT status FROM worker_registry WHERE worker_id = %(worker)s),
  EXISTS (SELECT FROM governance_tasks
          WHERE id = %(task)s::uuid AND status = 'in_progress' AND lease_token = %(token)s)"""


def check(call: Call) -> None:
    """Raises `Stopped` for a task that is not ours any more, `Refused` while the worker is paused."""
    context = call.context
    facts: dict[str, Any] = {
        "worker": context.worker_id,
        "task": str(context.task_id),
        "token": context.lease_token,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, facts)
        status, is_ours = cursor.fetchone()
    if not is_ours:
        raise Stopped(f"task {context.task_id} was taken from this worker")
    if status != Worker.Status.ACTIVE:
        raise refusals.paused(context.worker_id)
