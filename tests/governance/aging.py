"""Systems that have grown old, and what is left of them after rules of retention have been at work."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from governance import budgets, retention
from governance.access import actors
from governance.models import RetentionRule, Task
from tests.governance import letters, samples

ANN = actors.from_command("ann")
# Tasks that a test makes end 400 days before this.
LATER = timezone.now() + timedelta(days=400)
NOBODY = actors.Actor("user:nobody")


def assert_sound():
    letters.assert_sound()
    assert [str(found) for found in budgets.discrepancies()] == []


def prune(now=None, **options):
    """All of it; how many rows of each table were removed."""
    total: dict[str, int] = {}
    for step in retention.prune(actor=ANN, now=now, **options):
        for table, rows in step.deleted.items():
            total[table] = total.get(table, 0) + rows
    return total


def ended(status="completed", *, days=400, **columns):
    """A task that ends so many days before `LATER`."""
    task_id = samples.in_state(status)
    aged(task_id, days)
    if columns:
        Task.objects.filter(pk=task_id).update(**columns)
    return task_id


def aged(task_id, days):
    Task.objects.filter(pk=task_id).update(completed_at=LATER - timedelta(days=days))


def keeps(name, days):
    RetentionRule.objects.filter(pk=name).update(keep_days=days)


def left(*task_ids):
    return set(Task.objects.filter(pk__in=task_ids).values_list("pk", flat=True))


def scalar(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
