"""`manage.py restore FILE`: an empty database filled from a backup, brought up to date, and checked."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Count

from governance import budgets
from governance.management.command import GovernanceCommand
from governance.models import Task
from juggernaut.database import backups


class Command(GovernanceCommand):
    help = (
        "Fills the empty database in DATABASE_URL from a file of `manage.py backup`, all of it or nothing, "
        "migrates it to this version, and checks that the books balance. A backup of a newer version is "
        "for that version. Tasks that ran when the backup was made run again, counted as crashed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file that `manage.py backup` wrote")
        self.add_json_argument(parser)

    def handle(self, *, file: Path, **options: Any) -> None:
        backups.restore(file)
        call_command("set_up", stdout=self.stderr)
        if drift := budgets.discrepancies():
            raise CommandError(f"restored, but the books do not balance: {drift[0]} (of {len(drift)})")
        by_status = dict(Task.objects.order_by("status").values_list("status").annotate(count=Count("*")))
        counted = ", ".join(f"{count:,} {status}" for status, count in by_status.items()) or "no task"
        self.say({"file": str(file), "tasks": by_status}, f"Restored {file}: {counted}. The books balance.")
