"""People for the tests of what the audit log tells of them, and what it told."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from governance.models import AuditEntry
from tests.conftest import PEOPLE

Told = tuple[str, str, str, Any, Any]


def are_audited(yes: bool = True) -> None:
    """As everywhere but in tests, see tests/conftest.py."""
    with connection.cursor() as cursor:
        for table in PEOPLE:
            cursor.execute(f"ALTER TABLE {table} {'ENABLE' if yes else 'DISABLE'} TRIGGER USER")


def sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def typist() -> str:
    """Who a change in `psql` is told of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'sql:' || current_user")
        name: str = cursor.fetchone()[0]
        return name


def told() -> list[Told]:
    """What the log says, oldest first."""
    columns = ("actor", "action", "target", "before", "after")
    return list(AuditEntry.objects.order_by("id").values_list(*columns))


def audit_entries() -> list[tuple[str, str, str]]:
    """Who did what to whom."""
    return [entry[:3] for entry in told()]


def kept() -> str:
    """Everything that the log holds, as text."""
    return json.dumps(list(AuditEntry.objects.values()), default=str)


def hashes() -> set[str]:
    return set(User.objects.values_list("password", flat=True)) - {""}
