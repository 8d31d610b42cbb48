"""Finding rows among millions: by id or the beginning of one, by their words among the newest."""

import re
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from governance.models import Task

# Titles have no index, nor has most of what lists are filtered by: as many of the newest rows are read as a
# page may take.
TITLES_SEARCHED = 25_000
_ID_PREFIX = re.compile(r"[0-9a-f]{8,32}")


def tasks(queryset: "QuerySet[Task]", term: str) -> "QuerySet[Task]":
    """The tasks whose id begins with `term`, if it looks like an id, or whose title contains it."""
    if ids := id_range(term):
        return queryset.filter(pk__range=ids)
    return among_newest(queryset).filter(title__icontains=term.strip())


def by_words(
    queryset: "QuerySet[Any]", term: str, *columns: str, ids: tuple[str, ...] = ()
) -> "QuerySet[Any]":
    """The rows that an id names in one of the columns `ids`, or in whose `columns` the term stands, among
    the newest."""
    if not term.strip():
        return queryset
    if ids and (named := id_range(term)):
        return queryset.filter(_any(Q(**{f"{column}__range": named}) for column in ids))
    said = _any(Q(**{f"{column}__icontains": term.strip()}) for column in columns)
    return among_newest(queryset).filter(said)


def among_newest(queryset: "QuerySet[Any]") -> "QuerySet[Any]":
    """As many of the newest rows as may be read without an index."""
    newest = queryset.model._default_manager.order_by("-pk").values_list("pk", flat=True)  # noqa: SLF001
    oldest_searched = newest[TITLES_SEARCHED - 1 : TITLES_SEARCHED].first()
    return queryset.filter(pk__gte=oldest_searched) if oldest_searched else queryset


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions)


def id_range(term: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that begin with `term`; None if it does not look like an id."""
    digits = term.strip().lower().replace("-", "")
    if not _ID_PREFIX.fullmatch(digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
