"""Reads tables from the server's catalogue, so that SQL in migrations counts as much as models."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  coalesce(pg_get_expr(d.adbin, d.adrelid), ''), a.attgenerated <> '' OR a.attidentity <> ''
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""

# From PostgreSQL 18 on NOT NULL is a constraint, too; the columns say it.
_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype <> 'n' AND contype <> 't'
ORDER BY array_position('{p,u,x,f,c}'::"char"[], contype), conname"""

# Those that a constraint stands on are told by it.
_INDEXES = """
SELECT c.relname, regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', '') FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s::regclass AND NOT EXISTS (
  SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname"""

_TRIGGERS = """
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger
WHERE tgrelid = %s::regclass AND NOT tgisinternal ORDER BY tgname"""

_PARTITIONING = "SELECT coalesce(pg_get_partkeydef(%s::regclass), '')"


@dataclass(frozen=True)
class Column:
    """`default` is an expression; of a column that is always computed, `is_generated`."""

    name: str
    type: str
    is_required: bool
    default: str
    is_generated: bool


@dataclass(frozen=True)
class Part:
    """A constraint, an index or a trigger: its name and how it is defined."""

    name: str
    definition: str


@dataclass(frozen=True)
class Table:
    """Everything that stands in the catalogue of one table."""

    name: str
    partitioning: str
    columns: list[Column]
    constraints: list[Part]
    indexes: list[Part]
    triggers: list[Part]


def table(name: str) -> Table:
    """What the server knows of it; it must exist."""
    [(partitioning,)] = _rows(_PARTITIONING, name)
    return Table(
        name,
        partitioning,
        [Column(*row) for row in _rows(_COLUMNS, name)],
        [Part(*row) for row in _rows(_CONSTRAINTS, name)],
        [Part(*row) for row in _rows(_INDEXES, name)],
        [Part(*row) for row in _rows(_TRIGGERS, name)],
    )


def _rows(statement: str, table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [table])
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
