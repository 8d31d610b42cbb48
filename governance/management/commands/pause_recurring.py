"""`manage.py pause_recurring NAME …`."""

from argparse import ArgumentParser
from typing import Any

from governance.management.recurring_command import RecurringCommand
from governance.schedules import services


class Command(RecurringCommand):
    help = "Stop recurring tasks. What falls into the pause is not made up for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help="name or id")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, names: list[str], reason: str, **options: Any) -> None:
        ids = [self.find(name) for name in names]
        outcome = services.pause(ids, actor=self.actor, reason=reason)
        document = {"paused": list(outcome.moved), "skipped": list(outcome.skipped)}
        self.say(document, f"paused: {len(outcome.moved)}; stood so already: {len(outcome.skipped)}")
