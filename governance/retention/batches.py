"""Walks over tables: windows of primary keys, one after the other, and what may go in each.

A walk reads each key once and never skips from the front again past rows that have to stay, as a search for
"the oldest thousand that may go" does. It needs no index but the primary key: an index on end times would be
written at every completion of a task, which is the path that has to be quick.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from governance.db import uuid7
from governance.retention.rules import Cutoffs

Keys = Sequence[Any]
# Removes what may go among these keys, or only counts it; answers how many rows of which table.
Sift = Callable[[Keys, Cutoffs, bool], Counter[str]]

# Ids of version 7 made by clocks that were ahead, or by long transactions.
_SLACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BatchedScan:
    """A walk over `table` by its key. `rules` are those it obeys; it is left out while all say for ever.

    `has_time` says that keys are version 7 ids, so that what is younger than the oldest cutoff need not be
    read. `window` is how many keys one transaction looks at.
    """

    name: str
    table: str
    rules: tuple[str, ...]
    sift: Sift
    key: str = "id"
    key_type: str = "uuid"
    has_time: bool = True
    window: int = 1000

    def keys(self, position: str, cutoffs: Cutoffs) -> Keys:
        """The next window after `position` ('' is the beginning)."""
        facts = {"position": position or None, "limit": self.window, **self._bounds(cutoffs)}
        with connection.cursor() as cursor:
            cursor.execute(_TIMED.format(walk=self) if self.has_time else _NEXT.format(walk=self), facts)
            return [row[0] for row in cursor.fetchall()]

    def _bounds(self, cutoffs: Cutoffs) -> dict[str, UUID]:
        if not self.has_time:
            return {}
        youngest = max(at for rule in self.rules if (at := cutoffs[rule]) is not None)
        beyond = max(at for at in cutoffs.values() if at is not None) + timedelta(days=36_500)
        return {"until": uuid7.lower_bound(youngest + _SLACK), "beyond": uuid7.lower_bound(beyond)}

    def is_due(self, cutoffs: Cutoffs) -> bool:
        """Whether any of its rules lets anything go."""
        return any(cutoffs.get(rule) is not None for rule in self.rules)


_NEXT = """
SELECT {walk.key} FROM {walk.table}
WHERE %(position)s::{walk.key_type} IS NULL OR {walk.key} > %(position)s::{walk.key_type}
ORDER BY {walk.key} LIMIT %(limit)s"""

# What is older than the cutoff by its id; then ids that hold no time, which somebody typed in: most random
# ones lie behind all that a clock gives.
_TIMED = """
SELECT {walk.key} FROM (
  (SELECT {walk.key} FROM {walk.table}
   WHERE {walk.key} > coalesce(%(position)s, '00000000-0000-0000-0000-000000000000')::uuid
     AND {walk.key} < %(until)s::uuid ORDER BY {walk.key} LIMIT %(limit)s)
  UNION ALL
  (SELECT {walk.key} FROM {walk.table} WHERE {walk.key} > greatest(%(position)s::uuid, %(beyond)s::uuid)
   ORDER BY {walk.key} LIMIT %(limit)s)) both_ends
ORDER BY {walk.key} LIMIT %(limit)s"""


def plain(table: str, condition: str, *, rule: str, key: str = "id", key_type: str = "uuid") -> Sift:
    """Rows of one table, each by itself. `condition` is SQL about the row `r`; `%(before)s` is the cutoff."""
    chosen = f"FROM {table} r WHERE r.{key} = ANY(%(keys)s::{key_type}[]) AND {condition}"

    def sift(keys: Keys, cutoffs: Cutoffs, is_dry: bool) -> Counter[str]:
        facts = {"keys": [str(key) for key in keys], "before": cutoffs[rule]}
        return Counter({table: remove(chosen, facts, is_dry=is_dry)})

    return sift


def remove(chosen: str, facts: dict[str, Any], *, is_dry: bool) -> int:
    """Delete (or count) what `FROM table … WHERE …` says; how many rows."""
    with connection.cursor() as cursor:
        if is_dry:
            cursor.execute(f"SELECT count(*) {chosen}", facts)
            return int(cursor.fetchone()[0])
        cursor.execute(f"DELETE {chosen}", facts)
        return int(cursor.rowcount)


_known: dict[str, BatchedScan] = {}


def register(walk: BatchedScan) -> None:
    """Let this walk be done with all others; raises `ValueError` for a name that is taken."""
    if walk.name in _known:
        raise ValueError(f"there is a walk {walk.name!r} already")
    _known[walk.name] = walk


def all_scans() -> dict[str, BatchedScan]:
    """Every walk by its name, in the order in which they were registered."""
    return dict(_known)


def names() -> list[str]:
    return list(_known)
