"""Questions that no index answers are asked of one window of a table at a time, the newest first.

Any filter of a list may match a few rows among millions, and a search for them would read all of the others.
An index for each column would be written with every task and every call. So such a page looks at `SEARCHED`
rows and says, by its cursor, where the next one goes on: it may hold fewer rows than it could, even none.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from governance import pagination
from governance.pagination import Page, Row

# What is read in some fifty milliseconds.
SEARCHED = 50_000

Rows = QuerySet[Any]


def last_searched(rows: Rows, *columns: str) -> Row | None:
    """The columns of the last row of the first window; None if what is left is no longer than one."""
    return rows.values(*columns)[SEARCHED - 1 : SEARCHED].first()


def page(
    rows: Rows,
    where: Q,
    *,
    columns: tuple[str, ...],
    limit: int,
    key: Callable[[Row], bytes],
    is_indexed: bool,
) -> Page:
    """A page of `rows` (all that follow the cursor), by descending ids, of which `where` holds.

    `is_indexed` says that an index finds what `where` means, however little that is: then it is asked of
    the whole table.
    """
    found = rows.order_by("-id")
    end = None if is_indexed or not where else last_searched(found, "id")
    found = found.filter(where, id__gte=end["id"]) if end else found.filter(where)
    return _page(list(found.values(*columns)[: limit + 1]), end, limit, key)


def page_by_time(
    rows: Rows,
    where: Q,
    *,
    columns: tuple[str, ...],
    limit: int,
    key: Callable[[Row], bytes],
    is_indexed: bool,
) -> Page:
    """The same of rows that follow one another by `created_at`, then by id."""
    found = rows.order_by("-created_at", "-id")
    end = None if is_indexed or not where else last_searched(found, "created_at", "id")
    found = found.filter(where)
    if end:
        at: datetime = end["created_at"]
        found = found.filter(Q(created_at__gt=at) | Q(id__gte=end["id"]), created_at__gte=at)
    return _page(list(found.values(*columns)[: limit + 1]), end, limit, key)


def _page(got: list[Row], end: Row | None, limit: int, key: Callable[[Row], bytes]) -> Page:
    shown = pagination.page(got, limit=limit, key=key)
    if shown.cursor is None and end is not None:
        return Page(shown.rows, pagination.cursor_of(key(end)))
    return shown
