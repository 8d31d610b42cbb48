"""`manage.py create_operator`: the first operator, if there is none."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.access import actors
from governance.db import errors as db_errors
from juggernaut.security import operators


class Command(BaseCommand):
    help = (
        "Creates the first operator (a superuser) if there is none. Its password is "
        "JUGGERNAUT_ADMIN_PASSWORD, else a random one, which is printed this once."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--username", default=operators.DEFAULT_USERNAME, help="default: %(default)s")

    def handle(self, *, username: str, verbosity: int, **options: Any) -> None:
        try:
            made = operators.ensure_first(actor=actors.from_login(), username=username)
        except db_errors.ERRORS as error:
            if not db_errors.is_unavailable(error):
                raise
            raise CommandError(db_errors.describe(error)) from error
        except operators.NameTaken as error:
            raise CommandError(str(error)) from error
        if made is None:
            if verbosity:
                self.stdout.write("An operator exists already; nothing was changed.")
        elif made.password is None:
            self.stdout.write(f"Operator {made.username} created; its password is JUGGERNAUT_ADMIN_PASSWORD.")
        else:
            self.stdout.write(
                f"Operator {made.username} created. Its password, shown only now: {made.password}"
            )
