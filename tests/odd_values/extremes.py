"""Extreme values, and rows that hold as many of them as the database takes."""

import random
from typing import NamedTuple

from django.apps import apps
from django.db import connection, transaction
from django.db.utils import DatabaseError

DEEP = 3000
_TIMES = [
    "infinity", "-infinity", "0044-03-15 12:00 BC", "294276-12-31 23:59:59", "1969-12-31 23:59:59",
    "9998-12-30 00:00", "1970-01-02 00:00", "2200-02-29 12:00",
]  # fmt: skip
_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e300", "-1e14", "1e14", "0.000000001", "-1", "0", "99999999"]
_TEXTS = [
    "",
    " ",
    "x" * 20_000,
    "\u202eevil\x1b[31m",
    "%s{}{{0}}<script>",
    "\x01\x7f",
    "9" * 400,
    "null",
    "٣",
]
_JSON = [
    "null", "true", '"text"', "[]", "{}", "1e308", "-0.0", "9" * 400, '{"": {"": []}}', '"\\u202e"',
    "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[" + "1," * 50_000 + "1]",
]  # fmt: skip
_ARRAYS = ["{}", "{NULL}"]
BY_TYPE = {
    "timestamp with time zone": _TIMES,
    "timestamp without time zone": _TIMES,
    "date": ["infinity", "-infinity", "0044-03-15 BC", "5874897-12-31", "9998-12-30"],
    "interval": ["178000000 years", "-178000000 years", "0", "-1 second", "99 years"],
    "numeric": _NUMBERS,
    "double precision": _NUMBERS,
    "smallint": ["-32768", "32767", "-1", "0"],
    "integer": ["-2147483648", "2147483647", "-1", "0", "1999000000"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "-1", "0", "8990000000000000000"],
    "text": _TEXTS,
    "character varying": _TEXTS,
    "jsonb": _JSON,
    "boolean": ["true", "false"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "character varying[]": ["{}", '{""}', "{NULL}", "{x,x}"],
    "inet": ["255.255.255.255", "::/0"],
}


class Column(NamedTuple):
    table: str
    name: str
    type: str
    key: str


def tables() -> list[str]:
    """The tables of our own apps."""
    labels = ("governance", "reliability", "monitoring", "juggernaut")
    found = {model._meta.db_table for label in labels for model in apps.get_app_config(label).get_models()}
    return sorted(found)


_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), k.key
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
CROSS JOIN LATERAL (
  SELECT string_agg(quote_ident(p.attname), ', ') FROM pg_attribute p
  WHERE p.attrelid = c.oid AND p.attnum = ANY(i.indkey)) AS k(key)
WHERE c.relname = ANY(%s) AND c.relnamespace = current_schema()::regnamespace
  AND a.attgenerated = '' AND a.attnum <> ALL(i.indkey)
ORDER BY 1, a.attnum"""


def columns() -> list[Column]:
    """Every column of our tables that anybody can type a value into, but for primary keys."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [tables()])
        return [Column(*row) for row in cursor.fetchall()]


def spoil(seed: int) -> list[str]:
    """Types an extreme value into every column of one row of every table, as psql would; what the database
    refuses stays as it was. Returns what was typed in, as `table.column = value`."""
    dice = random.Random(seed)
    keys: dict[str, str | None] = {}
    typed = []
    for column in columns():
        if column.table not in keys:
            keys[column.table] = _some_row(column, dice)
        key = keys[column.table]
        values = BY_TYPE.get(column.type, _ARRAYS)
        for value in dice.sample(values, len(values)) if key else ():
            if _type_in(column, str(key), value):
                typed.append(f"{column.table}.{column.name} = {value[:60]!r}")
                break
    return typed


def _some_row(column: Column, dice: random.Random) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ROW({column.key})::text FROM {column.table} ORDER BY 1")
        found = [key for (key,) in cursor.fetchall()]
    return dice.choice(found) if found else None


def _type_in(column: Column, key: str, value: str) -> bool:
    """Whether the database took it."""
    statement = (
        f'UPDATE {column.table} SET "{column.name}" = %s::{column.type} WHERE ROW({column.key})::text = %s'
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [value, key])
            return bool(cursor.rowcount)
    except DatabaseError:
        return False
