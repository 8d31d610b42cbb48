"""`manage.py set_up`: the database as this version needs it. Every start of `main.py` runs it."""

from contextlib import closing
from typing import Any

import psycopg2
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from governance.db import direct_connection
from governance.db import errors as db_errors

# Any number, as long as it is this command's alone.
LOCK = 7_304_551_220_117
# It ends with its transaction, so that it works behind a connection pooler, too. That transaction does
# nothing else, for as long as the migrations take.
_TAKE_TURN = "SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(%s)"
_OPTIONS_REFUSED = "unsupported startup parameter"


class Command(BaseCommand):
    help = "Migrates the database and creates the first operator, if needed. Machines take turns."

    def handle(self, **options: Any) -> None:
        try:
            direct_connection.use_for_this_process()
            with closing(psycopg2.connect(**connection.get_connection_params())) as turn:
                with turn.cursor() as cursor:
                    cursor.execute(_TAKE_TURN, [LOCK])
                _require_schema()
                call_command("migrate", verbosity=0, interactive=False)
                call_command("create_operator", verbosity=0, stdout=self.stdout)
        except direct_connection.WrongDirectUrl as wrong:
            raise CommandError(str(wrong)) from wrong
        except (*db_errors.ERRORS, psycopg2.Error) as error:
            if not db_errors.is_unavailable(error):
                raise
            raise CommandError(_explained(error)) from error
        finally:
            connection.close()


def _require_schema() -> None:
    """Raise `CommandError` if the role's `search_path` names no schema: then no table of ours has a place."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user, current_setting('search_path')")
        schema, role, path = cursor.fetchone()
    if schema is None:
        raise CommandError(
            f"the search_path of the role {role} is {path!r}, which names no schema that exists: set it with"
            f" ALTER ROLE {connection.ops.quote_name(role)} SET search_path = public, or add"
            " ?options=-csearch_path%3Dpublic to DATABASE_URL"
        )


def _explained(error: Exception) -> str:
    said = db_errors.describe(error)
    if _OPTIONS_REFUSED in said and "options" in connection.settings_dict["OPTIONS"]:
        said += (
            " (a connection pooler refuses `options` in DATABASE_URL: remove it there, and give the role the"
            " settings instead, with ALTER ROLE … SET …)"
        )
    return said
