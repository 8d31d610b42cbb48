"""`manage.py set_up`: the database as this version needs it. Every start of `main.py` runs it."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from governance import outages

# Any number, as long as it is this command's alone.
LOCK = 7_304_551_220_117


class Command(BaseCommand):
    help = "Migrates the database and creates the first operator, if needed. Machines take turns."

    def handle(self, **options: Any) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # freed with the connection
            call_command("migrate", verbosity=0, interactive=False)
            call_command("create_operator", verbosity=0, stdout=self.stdout)
        except outages.ERRORS as error:
            if not outages.is_unavailable(error):
                raise
            raise CommandError(outages.describe(error)) from error
        finally:
            connection.close()
