"""`manage.py show_task`: everything about one task, and its history."""

from argparse import ArgumentParser
from typing import Any

import orjson

from governance.management.command import GovernanceCommand, parse_id
from governance.pagination import Row
from governance.tasks import selectors

EVENTS = 200


class Command(GovernanceCommand):
    help = "Show one task with its payload, result and history. See why for what it waits for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task", metavar="TASK", help="its id")
        self.add_json_argument(parser)

    def handle(self, *, task: str, **options: Any) -> None:
        task_id = parse_id(task, "a task")
        found = selectors.task(task_id, actor=self.actor)
        events = selectors.events(task_id, {"limit": [str(EVENTS)]}, actor=self.actor).rows
        self.say(found | {"events": events}, *_facts(found), "", *map(_event, events))


def _facts(found: Row) -> list[str]:
    """One line for each fact that there is."""
    return [f"{name}: {_text(value)}" for name, value in found.items() if value not in (None, "", [])]


def _text(value: object) -> str:
    if isinstance(value, orjson.Fragment):
        return orjson.dumps(value).decode()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _event(row: Row) -> str:
    moved = f"{row['from_status'] or 'created'} to {row['to_status']}"
    said = f"{row['created_at']:%Y-%m-%d %H:%M:%S}  {moved} by {row['actor']}"
    return f"{said}: {row['reason']}" if row["reason"] else said
