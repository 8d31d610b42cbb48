"""`manage.py audit`: who changed what of governance, and why."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from governance.audit import selectors as audit_selectors
from governance.management.list_command import ListCommand
from governance.pagination import Row


class Command(ListCommand):
    help = "List who changed what, newest first: in the console, over the API, by commands and in SQL."
    filters: ClassVar = {
        "actor": "what this one did, e.g. user:ann; may be repeated",
        "action": "changes of this name, e.g. budget.set_limits; may be repeated",
        "target": "what was done to this, e.g. 'budget ANALYST'; may be repeated",
        "created_after": "those from this time on (ISO 8601 with a zone)",
        "created_before": "those before this time",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_list_arguments(parser)

    def handle(self, **options: Any) -> None:
        rows = self.found(audit_selectors.listed, options)
        self.say(rows, *map(_sentence, rows), *([] if rows else ["none"]))


def _sentence(row: Row) -> str:
    change = f"{row['created_at']:%Y-%m-%d %H:%M:%S}  {row['actor']}: {row['action']} {row['target']}"
    return f"{change} ({row['reason']})" if row["reason"] else change
