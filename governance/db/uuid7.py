"""Version 7 UUIDs as a clock: their first 48 bits are the milliseconds since 1970.

A list that is filtered by time reads a part of the primary key, while the ids of its table say when their
rows were created. A row that was typed in with another id, or with a `created_at` of its own, is known to an
index (`<table>_untimely`); while a table has one, its rows are found by `created_at` alone.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q, UUIDField
from django.db.models.expressions import RawSQL

# How far an id and a `created_at` that belong together may be apart: a transaction lasts, and clocks differ.
SLACK = timedelta(hours=1)

_UNTIMELY = "EXISTS (SELECT FROM {table} WHERE NOT juggernaut_id_is_timely(id, created_at))"
_LOWEST, _HIGHEST = UUID(int=0), UUID(int=2**128 - 1)


def lower_bound(moment: datetime) -> UUID:
    """The lowest id that a row made at this moment can have."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def created_within(model: type[Model], after: datetime | None, before: datetime | None) -> Q:
    """Rows of this model that were created from `after` on and before `before`, whatever their ids are.

    Whether ids bound them is asked in the same statement, once and of an index that is empty as a rule.
    """
    condition = Q()
    if after:
        condition &= Q(created_at__gte=after, pk__gte=_bound(model, lower_bound(after - SLACK), _LOWEST))
    if before:
        condition &= Q(created_at__lt=before, pk__lte=_bound(model, lower_bound(before + SLACK), _HIGHEST))
    return condition


def first_id(model: type[Model], moment: datetime) -> UUID:
    """The lowest id of the rows of this model that were created from this moment on."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_has_untimely(model)}")
        return _LOWEST if cursor.fetchone()[0] else lower_bound(moment - SLACK)


def _bound(model: type[Model], bound: UUID, otherwise: UUID) -> RawSQL:
    """The bound while every id of the table says when its row was created, else the other value."""
    sql = f"(SELECT CASE WHEN {_has_untimely(model)} THEN %s::uuid ELSE %s::uuid END)"
    return RawSQL(sql, [str(otherwise), str(bound)], output_field=UUIDField())  # noqa: S611 (our own names)


def _has_untimely(model: type[Model]) -> str:
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 (Django's documented API)
    return _UNTIMELY.format(table=table)
