"""`manage.py write_settings`: the README's table of variables, from the model of the settings."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from juggernaut.configuration import table


class Command(BaseCommand):
    help = "Write the table of variables in README.md anew, from juggernaut/configuration/model.py."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit status 1 if it would change"
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        text = table.document()
        if table.PATH.read_text() == text:
            self.stdout.write(f"{table.PATH.name} is up to date")
        elif check:
            raise CommandError(f"{table.PATH.name} is not what the model says: run manage.py write_settings")
        else:
            table.PATH.write_text(text)
            self.stdout.write(f"{table.PATH.name} is written")
