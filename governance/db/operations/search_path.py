"""Functions in the database that find our tables whatever the caller's `search_path` is.

`pg_restore` runs with an empty one, and so may a role of somebody else. Each function of ours that names
tables or other functions is pinned to the schema in which it was made. Two kinds are not, because PostgreSQL
cannot inline a pinned function: those that name nothing of ours, and the few that name their schema.
`CREATE OR REPLACE FUNCTION` undoes the pin: pin again in the same migration.
"""

from collections.abc import Sequence

from django.db import migrations

_EACH = """
DO $each$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[{names}] LOOP
    EXECUTE format({statement}, name, current_schema());
  END LOOP;
END $each$"""


def pin(functions: Sequence[str]) -> migrations.RunSQL:
    """A migration's operation that sets the `search_path` of these functions to the current schema.

    Their names must be unique in it. Temporary tables come last, so that none takes the place of ours.
    """
    names = ", ".join(f"'{name}'" for name in functions)
    return migrations.RunSQL(
        _EACH.format(names=names, statement="'ALTER FUNCTION %1$I SET search_path = %2$I, pg_temp'"),
        _EACH.format(names=names, statement="'ALTER FUNCTION %1$I RESET search_path'"),
    )
