"""Recurring tasks in tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from governance.access.actors import Actor
from governance.models import RecurringRun, RecurringTask, Task
from governance.schedules import services
from tests.governance.samples import METRIC

SYSTEM = Actor("command:tests", is_trusted=True)
TASK = {"task_type": "evaluation", "payload": METRIC}
START = datetime(2026, 1, 1, tzinfo=UTC)


def make(**said: Any) -> RecurringTask:
    """One that is due every minute, counted from `START`, unless said otherwise."""
    clock = {} if "cron" in said else {"every_seconds": 60, "anchor_at": START}
    return services.create({"name": "pulse", "task": TASK, **clock, **said}, actor=SYSTEM)


def due_since(row: RecurringTask, minutes: float) -> datetime:
    """Let its next time be `START`, and say what time it is so many minutes later."""
    RecurringTask.objects.filter(pk=row.pk).update(next_run_at=START)
    return START + timedelta(minutes=minutes)


def history(row: RecurringTask) -> list[tuple[str, int]]:
    """Outcome, and the minute after `START` at which it was due; oldest first."""
    runs = RecurringRun.objects.filter(recurring=row).order_by("slot")
    return [(run.outcome, round((run.slot - START).total_seconds() / 60)) for run in runs]


def tasks_of(row: RecurringTask) -> list[Task]:
    return list(Task.objects.filter(created_by=f"recurring:{row.name}").order_by("pk"))
