"""Finding tasks among millions: by id or the beginning of one, by title among the newest."""

import re
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from governance.models import Task

# Titles have no index: as many of the newest tasks that pass the filters are read as a page may take.
TITLES_SEARCHED = 100_000
_ID_PREFIX = re.compile(r"[0-9a-f]{8,32}")


def tasks(queryset: "QuerySet[Task]", term: str) -> "QuerySet[Task]":
    """The tasks whose id begins with `term`, if it looks like an id, or whose title contains it."""
    if ids := id_range(term):
        return queryset.filter(pk__range=ids)
    newest = queryset.order_by("-pk").values_list("pk", flat=True)
    oldest_searched = newest[TITLES_SEARCHED : TITLES_SEARCHED + 1].first()
    if oldest_searched:
        queryset = queryset.filter(pk__gt=oldest_searched)
    return queryset.filter(title__icontains=term.strip())


def id_range(term: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that begin with `term`; None if it does not look like an id."""
    digits = term.strip().lower().replace("-", "")
    if not _ID_PREFIX.fullmatch(digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def id_at(moment: datetime) -> UUID:
    """The lowest id that a task created at this moment can have: ids are ordered by time (version 7)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
