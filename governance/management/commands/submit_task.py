"""`manage.py submit_task`: submit one task, or many from a file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from governance.db import strict_json
from governance.management.command import GovernanceCommand
from governance.tasks import schemas
from governance.tasks import services as tasks
from governance.tasks.services import Receipt


class Command(GovernanceCommand):
    help = (
        "Submit a task: its type and its payload as JSON, or --file with one JSON object as `POST /api/tasks`"
        " takes it, or a list of them (all or none are created). Prints ids."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task_type", nargs="?", help="e.g. evaluation")
        parser.add_argument("payload", nargs="?", help="JSON object, checked by the task type's schema")
        parser.add_argument("--file", help="read the task or the list of tasks from here; - is the input")
        parser.add_argument("--title", help="what people see of it")
        parser.add_argument("--priority", type=int, help="0 to 100; a point is worth a minute of waiting")
        parser.add_argument("--worker", dest="assigned_worker", help="who gets it (default: the type's)")
        parser.add_argument("--idempotency-key", help="the same key again creates nothing")
        parser.add_argument("--dry-run", action="store_true", help="check everything, and create nothing")
        self.add_json_argument(parser)

    def handle(self, *, dry_run: bool, file: str | None, **options: Any) -> None:
        asked = schemas.parse_many(_read(file) if file else [_described(options)])
        if dry_run:
            self.say({"dry_run": True, "valid": len(asked)}, f"{len(asked)} valid; nothing was created")
            return
        receipts = tasks.submit(asked, actor=self.actor)
        self.say([_told(receipt) for receipt in receipts], *(str(receipt.id) for receipt in receipts))


def _read(name: str) -> list[Any]:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as unreadable:
        raise CommandError(f"cannot read {name}: {unreadable.strerror}") from None
    found = strict_json.loads(raw)
    return found if isinstance(found, list) else [found]


def _described(options: dict[str, Any]) -> dict[str, Any]:
    if not options["task_type"]:
        raise CommandError("name a task type, or a file with --file (see --help)")
    payload = strict_json.loads((options["payload"] or "{}").encode(errors="surrogateescape"))
    named = ("task_type", "title", "priority", "assigned_worker", "idempotency_key")
    return {"payload": payload} | {name: options[name] for name in named if options[name] is not None}


def _told(receipt: Receipt) -> dict[str, Any]:
    return {"id": receipt.id, "status": receipt.status, "replayed": receipt.is_replay}
