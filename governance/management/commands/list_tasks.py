"""`manage.py list_tasks`: tasks, newest first."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from governance.management.list_command import ListCommand
from governance.pagination import Row
from governance.tasks import selectors


class Command(ListCommand):
    help = "List tasks, newest first. See show_task for one of them."
    filters: ClassVar = {
        "status": "those in this state, e.g. failed; may be repeated",
        "task_type": "those of this type; may be repeated",
        "assigned_worker": "those of this worker; may be repeated",
        "waiting_for": "parked ones that wait for this, e.g. budget; may be repeated",
        "parent": "children of this task (its id)",
        "idempotency_key": "the one with this key",
        "created_after": "those from this time on (ISO 8601 with a zone)",
        "created_before": "those before this time",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_list_arguments(parser)

    def handle(self, **options: Any) -> None:
        rows = self.found(selectors.tasks, options)
        self.say(rows, *(map(_sentence, rows) if rows else ["There are no such tasks."]))


def _sentence(row: Row) -> str:
    named = f"{row['created_at']:%Y-%m-%d %H:%M:%S}  {row['status']:16}  {row['id']}"
    return ", ".join(filter(None, [f"{named}  {row['task_type']}", row["assigned_worker"], row["title"]]))
