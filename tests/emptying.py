"""Emptying the database after a test that commits: only the tables that it wrote.

Django's flush truncates every table and then makes all permissions and groups anew, which takes longer than
most tests. What migrations left in these few tables stays; a test that changes it gets the whole flush.
"""

from collections.abc import Callable
from functools import cache

from django.db import connection
from django.test import TransactionTestCase

_KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
_FINGERPRINT = " || ".join(
    f"(SELECT coalesce(md5(string_agg(r::text, ',' ORDER BY r.id)), '') FROM {table} r)" for table in _KEPT
)
_flush: Callable[[TransactionTestCase], None] = vars(TransactionTestCase)["_fixture_teardown"]


def install() -> None:
    """Have every test that commits end this way; what is kept is what is there now."""
    _kept_as()
    setattr(TransactionTestCase, "_fixture_teardown", _empty)  # noqa: B010 (its stubs leave the method out)


def _empty(case: TransactionTestCase) -> None:
    if _fingerprint() != _kept_as():
        _flush(case)
        _kept_as.cache_clear()
        _kept_as()
        return
    with connection.cursor() as cursor:
        cursor.execute(_written())
        if written := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"TRUNCATE {', '.join(written)} CASCADE")


@cache
def _kept_as() -> str:
    return _fingerprint()


def _fingerprint() -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_FINGERPRINT}")
        found: str = cursor.fetchone()[0]
        return found


@cache
def _written() -> str:
    """The question which tables have rows."""
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in sorted(tables - set(_KEPT))
    )
