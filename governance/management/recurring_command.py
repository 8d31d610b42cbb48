"""Base of the commands of recurring tasks: finds one by name or id, and prints it."""

from typing import Any
from uuid import UUID

from governance.errors import RecurringNotFound
from governance.management.command import GovernanceCommand
from governance.models import RecurringTask
from governance.schedules import selectors


class RecurringCommand(GovernanceCommand):
    """A command about one recurring task, or several."""

    def find(self, named: str) -> UUID:
        """The id of the one with this name or id; raises `RecurringNotFound`."""
        found = RecurringTask.objects.filter(name=named).values_list("pk", flat=True).first()
        if found is None:
            found = RecurringTask.objects.filter(pk=_uuid(named)).values_list("pk", flat=True).first()
        if found is None:
            raise RecurringNotFound(named)
        return found

    def tell(self, recurring_id: UUID) -> None:
        """Print it with its next times."""
        row = selectors.one(recurring_id, actor=self.actor)
        self.say(row, sentence(row))


def sentence(row: dict[str, Any]) -> str:
    """`nightly (active): cron 0 3 * * * Europe/Berlin, next at 2026-11-25 02:00:00 UTC`"""
    when = f"cron {row['cron']} {row['timezone']}" if row["cron"] else f"every {row['every_seconds']} s"
    coming = f"next at {row['next_run_at']:%Y-%m-%d %H:%M:%S} UTC" if row["next_run_at"] else "no next time"
    problem = f"; {row['problem']}" if row["problem"] else ""
    return f"{row['name']} ({row['status']}): {when}, {coming}{problem}"


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise RecurringNotFound(text) from None
