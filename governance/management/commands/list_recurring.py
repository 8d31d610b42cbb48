"""`manage.py list_recurring`: recurring tasks with their next times, or the history of one."""

from argparse import ArgumentParser
from typing import Any

from governance.management.recurring_command import RecurringCommand, sentence
from governance.schedules import selectors


class Command(RecurringCommand):
    help = "List recurring tasks, newest first; with a name, what came of its times, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="the history of this one")
        parser.add_argument("--limit", default="50", help="how many, at most 200")
        self.add_json_argument(parser)

    def handle(self, *, name: str | None, limit: str, **options: Any) -> None:
        asked = {"limit": [limit]}
        if name is None:
            rows = selectors.all_schedules(asked, actor=self.actor).rows
            self.say(rows, *(map(sentence, rows) if rows else ["There are no recurring tasks."]))
            return
        rows = selectors.runs(self.find(name), asked, actor=self.actor).rows
        self.say(rows, *(map(_told, rows) if rows else [f"{name} has not been due yet."]))


def _told(row: dict[str, Any]) -> str:
    what = f"task {row['task_id']}" if row["task_id"] else row["note"]
    many = f" ({row['slots']} times)" if row["slots"] > 1 else ""
    return f"{row['slot']:%Y-%m-%d %H:%M:%S} UTC {row['outcome']}{many}: {what}"
