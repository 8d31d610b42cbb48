"""What a page asks the database, and how PostgreSQL would answer it."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from django.db import connection, transaction

# A table of which a page reads more rows than this from front to back is one that must not grow.
BIG_ROWS = 2_000


class Asked:
    """Statements with their parameters, as they are sent."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements.append((sql, params))
        return execute(sql, params, many, context)


def big_tables() -> dict[str, float]:
    """Their names and how many rows they have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND reltuples > %s", [BIG_ROWS]
        )  # fmt: skip
        return dict(cursor.fetchall())


def whole_scans(statements: list[tuple[str, Any]], big: dict[str, float]) -> list[str]:
    """Every scan of a whole big table in the plans of these statements, with the statement."""
    found = []
    for sql, params in statements:
        if sql.lstrip("( \n").upper().startswith(("SELECT", "WITH")) and "FOR UPDATE" not in sql:
            found += [f"{scan}: {' '.join(sql.split())}" for scan in _scans_of(sql, params, big)]
    return found


def long_sorts(statements: list[tuple[str, Any]]) -> list[str]:
    """Statements that sort more rows than a page has, by what no index keeps in order."""
    return [sql for sql, params in statements if any(_sorted_rows(_plan(sql, params)))]


def _sorted_rows(node: dict[str, Any]) -> Iterator[int]:
    if node["Node Type"] == "Sort" and node["Plans"][0]["Plan Rows"] > BIG_ROWS:
        yield node["Plans"][0]["Plan Rows"]
    for child in node.get("Plans", ()):
        yield from _sorted_rows(child)


def _scans_of(sql: str, params: Any, big: dict[str, float]) -> list[str]:
    """At this size the planner may rather read a table than an index of it. So a scan counts if it is still
    there when the planner avoids such scans: no index answers the question then."""
    scans = list(_scans(_plan(sql, params), big))
    if not scans:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        scans = list(_scans(_plan(sql, params), big))
        transaction.set_rollback(True)
    return scans


def _plan(sql: str, params: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        said = cursor.fetchone()[0]
    plan: dict[str, Any] = (json.loads(said) if isinstance(said, str) else said)[0]["Plan"]
    return plan


def _scans(node: dict[str, Any], big: dict[str, float], *, is_limited: bool = False) -> Iterator[str]:
    """Scans that read a table, or a whole index of it, to its end: those without a condition that an index
    answers. One that filters nothing ends with the limit above it; a partial index is as long as what it is
    of: what is open, waits or runs. Where most rows match, the first few are soon found."""
    kind, table = node["Node Type"], node.get("Relation Name")
    if table in big and not (is_limited and node["Plan Rows"] > big[table] / 2):
        if kind == "Seq Scan":
            yield f"Seq Scan on {table}"
        is_whole = kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node
        if is_whole and node["Index Name"] not in partial_indexes():
            yield f"{kind} of all of {node['Index Name']}"
    goes_on = kind == "Limit" or (is_limited and kind in _PASS_ON)
    for place, child in enumerate(node.get("Plans", ())):
        yield from _scans(child, big, is_limited=goes_on and place == 0)


# Nodes that ask their first child for no more rows than they are asked for themselves.
_PASS_ON = ("Subquery Scan", "Result", "Nested Loop", "Incremental Sort")


@cache
def partial_indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        return {name for (name,) in cursor.fetchall()}
