"""The clock of recurring tasks: django-q2's schedules, and the watchdog's sweep behind them.

Every active recurring task has a schedule of django-q2 for its next time, which calls `fire`. The
definition is in `recurring_tasks`, checked before it is stored, because django-q2 handles all due schedules
in one transaction and reads their arguments as text: its row holds nothing but an id. A sweep sees to what
is due as well: the scheduler looks every 30 s, its message waits for the watch to end, and may be lost.
Whoever comes first submits; the other finds nothing due.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

from governance.access import permissions
from governance.models import RecurringTask
from governance.schedules import dispatch

logger = logging.getLogger(__name__)

TOOL = "watchdog.recurring"
FUNCTION = "reliability.watchdog.schedules.fire"
PREFIX = "recurring "


def fire(recurring_id: str) -> int:
    """What a schedule calls: see to one recurring task, under the watchdog's own permission."""
    decision = permissions.check("WATCHDOG", TOOL)
    if not decision.is_allowed or decision.needs_approval:
        logger.warning("a recurring task is not seen to: %s", decision.rule)
        return 0
    return dispatch.dispatch(UUID(recurring_id), now=timezone.now())


def dispatch_due(now: datetime) -> int:
    """Submit all that is due, and keep the schedules in step; counts the tasks that were submitted."""
    submitted = sum(dispatch.dispatch(recurring_id, now=now) for recurring_id in dispatch.due(now))
    keep_schedules()
    return submitted


def keep_schedules() -> int:
    """One schedule for each active recurring task, at its next time, and no other; how many changed."""
    wanted = {
        f"{PREFIX}{pk}": at
        for pk, at in RecurringTask.objects.filter(status="active").values_list("pk", "next_run_at")
        if at is not None
    }
    with transaction.atomic():
        stale = []
        for pk, name, at in Schedule.objects.filter(name__startswith=PREFIX).values_list(
            "pk", "name", "next_run"
        ):
            if wanted.get(name) == at:
                del wanted[name]
            else:
                stale.append(pk)
        Schedule.objects.filter(pk__in=stale).delete()
        Schedule.objects.bulk_create(_schedule(name, at) for name, at in wanted.items())
    return len(stale) + len(wanted)


def _schedule(name: str, at: datetime) -> Schedule:
    return Schedule(
        name=name,
        func=FUNCTION,
        args=repr(name.removeprefix(PREFIX)),
        schedule_type=Schedule.ONCE,
        repeats=-1,
        cluster="watchdog",
        next_run=at,
    )
