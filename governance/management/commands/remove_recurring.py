"""`manage.py remove_recurring NAME`: delete a recurring task; the tasks that it submitted stay."""

from argparse import ArgumentParser
from typing import Any

from governance.management.recurring_command import RecurringCommand
from governance.schedules import services


class Command(RecurringCommand):
    help = "Delete a recurring task with its history. The tasks that it submitted stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name or id")
        parser.add_argument("--reason", required=True, help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, name: str, reason: str, **options: Any) -> None:
        found = self.find(name)
        services.remove(found, actor=self.actor, reason=reason)
        self.say({"removed": found}, f"removed: {name}")
