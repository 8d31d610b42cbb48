"""CHECK constraints that keep values without a meaning out of every column that the product reads.

SQL is a supported interface, and PostgreSQL's types hold more than Python and arithmetic can take:
`infinity`,
`NaN`, years beyond 9999 and before Christ, counters at the end of their type. One such value would fail the
statement that reads it together with a hundred others (a claim, a page, a sweep), or be no limit at all: a
budget of NaN is never exceeded. So they are refused where they are typed in, by a constraint that names its
column: `daily_limit_in_range`.

`guard` makes the constraints when a migration runs, for the columns that its tables have then, but for
generated ones. A migration that adds a column guards its table again; a test compares the catalogue with
`RANGES`.
"""

from django.db import migrations

SUFFIX = "_in_range"
# By PostgreSQL's name of the type. NaN is greater than every number, so the upper bound refuses it. The ends
# leave room for what is added to a value: a counter's next step, a lease, a wait, a window of a budget.
RANGES = {
    "timestamp with time zone": ("'1970-01-01 00:00+00'", "'2200-01-01 00:00+00'"),
    "timestamp without time zone": ("'1970-01-01'", "'2200-01-01'"),
    "date": ("'1970-01-01'", "'2200-01-01'"),
    "interval": ("'-100 years'", "'100 years'"),
    "numeric": ("-1e15", "1e15"),
    "double precision": ("-1e15", "1e15"),
    "real": ("-1e15", "1e15"),
    "smallint": ("-32000", "32000"),
    "integer": ("-2000000000", "2000000000"),
    "bigint": ("-9000000000000000000", "9000000000000000000"),
}

_GUARD = """
DO $guard$
DECLARE
  found record;
  odd bigint;
BEGIN
  FOR found IN
    SELECT c.relname AS relation, a.attname AS name, format_type(a.atttypid, NULL) AS type,
           CASE WHEN r.type IS NULL THEN format('array_position(%I, NULL) IS NULL', a.attname)
                ELSE format('%I BETWEEN %s AND %s', a.attname, r.low, r.high) END AS condition,
           left(a.attname, 63 - length('{suffix}')) || '{suffix}' AS constraint_name
    FROM unnest(ARRAY[{tables}]) AS t(name)
    JOIN pg_class c ON c.oid = format('%I.%I', current_schema(), t.name)::regclass
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    LEFT JOIN (VALUES {ranges}) AS r(type, low, high) ON r.type = format_type(a.atttypid, NULL)
    WHERE (r.type IS NOT NULL OR format_type(a.atttypid, NULL) LIKE '%[]') AND NOT EXISTS (
      SELECT FROM pg_constraint p
      WHERE p.conrelid = c.oid AND p.conname = left(a.attname, 63 - length('{suffix}')) || '{suffix}')
    ORDER BY c.relname, a.attnum
  LOOP
    EXECUTE format('SELECT count(*) FROM %I WHERE NOT (%s)', found.relation, found.condition) INTO odd;
    IF odd > 0 THEN
      RAISE EXCEPTION '%.% holds % value(s) without a meaning; expected is %',
        found.relation, found.name, odd, found.condition
        USING HINT = 'Correct these rows (SELECT … WHERE NOT (condition)), then migrate again.';
    END IF;
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%s)',
      found.relation, found.constraint_name, found.condition);
  END LOOP;
END $guard$"""

_UNGUARD = """
DO $guard$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT c.relname AS relation, p.conname AS name
    FROM unnest(ARRAY[{tables}]) AS t(name)
    JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', current_schema(), t.name))
    JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'c' AND p.conname LIKE '%{suffix}'
  LOOP
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', found.relation, found.name);
  END LOOP;
END $guard$"""


def guard(*tables: str) -> migrations.RunSQL:
    """A migration's operation that constrains every column of these tables whose type is in `RANGES`.

    Columns that are guarded already stay as they are. A row that holds a value out of range stops the
    migration with a sentence that names the column: it must be corrected first.
    """
    names = ", ".join(f"'{table}'" for table in tables)
    ranges = ", ".join(
        f"('{kind}', $low${low}$low$, $high${high}$high$)" for kind, (low, high) in RANGES.items()
    )
    return migrations.RunSQL(
        [(_GUARD.format(tables=names, ranges=ranges, suffix=SUFFIX), None)],
        [(_UNGUARD.format(tables=names, suffix=SUFFIX), None)],
    )


_SHAPES = {
    "object": "jsonb_typeof({column}) = 'object'",
    "objects": "jsonb_typeof({column}) = 'array'"
    " AND NOT jsonb_path_exists({column}, '$[*] ? (@.type() != \"object\")')",
}


def shape(table: str, **columns: str) -> migrations.RunSQL:
    """A migration's operation that holds JSON columns to a shape: `object`, or `objects` for a list of them.

    Not for columns of the queue: a constraint is checked at every update of its row.
    """
    add = [
        f'ALTER TABLE {table} ADD CONSTRAINT "{column}_of_{kind}" CHECK ({condition})'
        for column, kind in columns.items()
        for condition in [_SHAPES[kind].format(column=column)]
    ]
    drop = [f'ALTER TABLE {table} DROP CONSTRAINT "{column}_of_{kind}"' for column, kind in columns.items()]
    return migrations.RunSQL([(one, None) for one in add], [(one, None) for one in drop])


def column_of(constraint: str) -> str:
    """The column that a violated constraint guards; empty if it is another kind of constraint."""
    return constraint.removesuffix(SUFFIX) if constraint.endswith(SUFFIX) else ""
