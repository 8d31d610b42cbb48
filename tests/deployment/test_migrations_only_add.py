"""Two versions run side by side during an upgrade: a migration takes nothing away that the older reads."""

import pytest
from django.db import connection
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader

OURS = ("governance", "reliability", "monitoring", "workers", "juggernaut")
# Everything up to here came before the first release: no older version ran beside it.
FIRST_RELEASE = {"governance": 17, "reliability": 4}
TAKES_AWAY = (
    operations.RemoveField,
    operations.RenameField,
    operations.DeleteModel,
    operations.RenameModel,
    operations.AlterModelTable,
)


def migrations():
    disk = MigrationLoader(connection).disk_migrations
    return [
        migration
        for (app, name), migration in sorted(disk.items())
        if app in OURS and int(name[:4]) > FIRST_RELEASE.get(app, 0)
    ]


def takes_away(operation):
    return isinstance(operation, TAKES_AWAY) or _is_required(operation)


def _is_required(operation):
    """A column that an older version, which does not know it, could not fill."""
    if not isinstance(operation, operations.AddField):
        return False
    field = operation.field
    return not (
        field.null or field.has_db_default() or field.many_to_many or getattr(field, "generated", False)
    )


@pytest.mark.django_db
def test_no_migration_takes_away_what_the_version_before_it_reads():
    """One that must says `unread_since = "0.4.0"`: the version that stopped reading what it removes."""
    unsafe = [
        f"{migration}: {operation.describe()}"
        for migration in migrations()
        for operation in migration.operations
        if takes_away(operation) and not getattr(migration, "unread_since", "")
    ]

    assert unsafe == []


def test_a_migration_that_takes_away_is_noticed():
    from django.db import models

    assert takes_away(operations.RemoveField("task", "title"))
    assert takes_away(operations.AddField("task", "note", models.TextField()))
    assert not takes_away(operations.AddField("task", "note", models.TextField(db_default="")))
    assert not takes_away(operations.AddField("task", "note", models.TextField(null=True)))
