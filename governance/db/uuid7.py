"""Version 7 UUIDs as a clock: their first 48 bits are the milliseconds since 1970.

A list that is filtered by time reads a part of the primary key, while the ids of its table say when their
rows were created. A row that was typed in with another id, or with a `created_at` of its own, is known to an
index (`<table>_untimely`); while a table has one, its rows are found by `created_at` alone.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q

# How far an id and a `created_at` that belong together may be apart: a transaction lasts, and clocks differ.
SLACK = timedelta(hours=1)

_UNTIMELY = "SELECT EXISTS (SELECT FROM {table} WHERE NOT juggernaut_id_is_timely(id, created_at))"


def lower_bound(moment: datetime) -> UUID:
    """The lowest id that a row made at this moment can have."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def created_within(model: type[Model], after: datetime | None, before: datetime | None) -> Q:
    """Rows of this model that were created from `after` on and before `before`, whatever their ids are."""
    condition = Q()
    if after:
        condition &= Q(created_at__gte=after)
    if before:
        condition &= Q(created_at__lt=before)
    if condition and _are_timely(model):
        if after:
            condition &= Q(pk__gte=lower_bound(after - SLACK))
        if before:
            condition &= Q(pk__lt=lower_bound(before + SLACK))
    return condition


def first_id(model: type[Model], moment: datetime) -> UUID:
    """The lowest id of the rows of this model that were created from this moment on."""
    return lower_bound(moment - SLACK) if _are_timely(model) else UUID(int=0)


def _are_timely(model: type[Model]) -> bool:
    """Whether every id of the table says when its row was created. Asks an index that is empty then."""
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 (Django's documented API)
    with connection.cursor() as cursor:
        cursor.execute(_UNTIMELY.format(table=table))
        return not cursor.fetchone()[0]
