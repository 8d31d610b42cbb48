"""`manage.py write_schema`: the document of the database schema, from the database and the models."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from juggernaut import schema


class Command(BaseCommand):
    help = "Write docs/architecture/database_schema.md anew, from the migrated database and the models."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit status 1 if it would change"
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        name, text = schema.PATH.relative_to(schema.PATH.parents[2]), schema.text()
        if schema.PATH.exists() and schema.PATH.read_text() == text:
            self.stdout.write(f"{name} is up to date")
        elif check:
            raise CommandError(f"{name} is not what the database says: run manage.py write_schema")
        else:
            schema.PATH.write_text(text)
            self.stdout.write(f"{name} is written")
