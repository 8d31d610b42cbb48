"""Emptying the database after a test that commits: only the tables that it wrote.

Django's flush truncates every table and then makes all permissions and groups anew, which takes longer than
most tests. What migrations left in these few tables stays; a test that changes it gets the whole flush.

Tests that commit start from empty tables, the others from what migrations have seeded. Those come first, but
processes of a test run take tests from one another: so the seeds are sown again if need be.
"""

from collections.abc import Callable
from functools import cache

from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase

_KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
_FINGERPRINT = " || ".join(
    f"(SELECT coalesce(md5(string_agg(r::text, ',' ORDER BY r.id)), '') FROM {table} r)" for table in _KEPT
)
_COLUMNS = """
SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'"""
_flush: Callable[[TransactionTestCase], None] = vars(TransactionTestCase)["_fixture_teardown"]
_set_up: Callable[[type[TestCase]], None] = vars(TestCase)["_fixture_setup"].__func__
_is_sown = True


def install() -> None:
    """Have every test that commits end this way; what is kept, and what is sown, is what is there now."""
    _kept_as()
    _gather()
    setattr(TransactionTestCase, "_fixture_teardown", _empty)  # noqa: B010 (its stubs leave the method out)
    setattr(TestCase, "_fixture_setup", classmethod(_begin))  # noqa: B010 (as above)


def _empty(case: TransactionTestCase) -> None:
    global _is_sown
    _is_sown = False
    if _fingerprint() != _kept_as():
        _flush(case)
        _kept_as.cache_clear()
        _kept_as()
        return
    if written := _written():
        _run(f"TRUNCATE {', '.join(written)} CASCADE")


def _begin(case: type[TestCase]) -> None:
    sow()
    _set_up(case)


def _gather() -> None:
    _run("CREATE SCHEMA seeds")
    for table in _written():
        _run(f"CREATE TABLE seeds.{table} AS SELECT * FROM public.{table}")


def sow() -> None:
    """What migrations have seeded is there again, if it was taken away. Triggers are not asked: what they
    made of it is among the seeds."""
    global _is_sown
    if _is_sown:
        return
    with transaction.atomic():
        for table in seeded():
            columns = _rows(_COLUMNS, table)[0]
            _run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            _run(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM seeds.{table}")
            _run("SET CONSTRAINTS ALL IMMEDIATE")
            _run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    _is_sown = True


@cache
def seeded() -> list[str]:
    """The tables that migrations have written, but for those that are kept."""
    return _rows("SELECT tablename FROM pg_tables WHERE schemaname = 'seeds' ORDER BY 1")


@cache
def _kept_as() -> str:
    return _fingerprint()


def _fingerprint() -> str:
    return _rows(f"SELECT {_FINGERPRINT}")[0]


def _written() -> list[str]:
    """The tables that have rows."""
    return _rows(_question())


@cache
def _question() -> str:
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in sorted(tables - set(_KEPT))
    )


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _rows(statement: str, *parameters: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [row[0] for row in cursor.fetchall()]
