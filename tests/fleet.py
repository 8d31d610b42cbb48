"""The workers of a fresh installation: tests that commit leave empty tables behind."""

from importlib import import_module

from django.db import connection

_INSTALLED = import_module("governance.migrations.0003_sql_is_obeyed").WORKERS


def enlist() -> None:
    """Put back the rows that the migration wrote."""
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED.strip().removesuffix(";") + " ON CONFLICT DO NOTHING")
