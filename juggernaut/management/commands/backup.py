"""`manage.py backup FILE`: the whole system in one file, while it runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from governance.management.command import GovernanceCommand
from juggernaut.database import backups


class Command(GovernanceCommand):
    help = (
        "Writes the whole database to one file, as it stands at this moment, while everything runs. "
        "`manage.py restore` fills an empty database from it. The file holds all payloads and results: "
        "keep it as you keep the database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where to write; a file that is there is not overwritten")
        parser.add_argument("--force", action="store_true", help="replace the file if it is there")
        self.add_json_argument(parser)

    def handle(self, *, file: Path, force: bool, **options: Any) -> None:
        if file.exists() and not force:
            raise CommandError(f"{file} is there already: choose another name, or --force to replace it")
        size = backups.write(file)
        self.say({"file": str(file), "bytes": size}, f"Wrote {file} ({size / 1e6:,.1f} MB).")
