"""The database role under which `sql.query` reads, and the one function through which it does.

A query must not see secrets (passwords, tokens, sessions) and must not change anything. So it runs inside
a function that belongs to the role `juggernaut_reader`, which may read the product's own tables and
nothing else. `SET ROLE` alone would not do: a query can call `set_config('role', …)` and be somebody
else for what it does next. Inside a `SECURITY DEFINER` function PostgreSQL refuses that.

`prepare` runs after each migration, so that new tables are readable and the function is this version's.
"""

import hashlib
import logging
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connection, transaction

logger = logging.getLogger(__name__)

ROLE = "juggernaut_reader"
FUNCTION = "juggernaut_read(text, int, int)"
# Whose tables may be read. Users, tokens, sessions and django-q2's pickles belong to other apps.
READABLE = ("governance", "reliability", "monitoring")
# It tells of users what their own tables do: names, addresses, who may do what.
UNREADABLE = {"audit_log"}
REMEDY = (
    f"as a superuser run CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO the role in DATABASE_URL;"
    " then run manage.py set_up"
)

# A cursor takes one statement that returns rows: PostgreSQL itself refuses two, and everything else.
# Rows come as JSON text; a null at the end says that there would have been more.
CREATE = f"""
CREATE OR REPLACE FUNCTION juggernaut_read(query text, max_rows int, max_bytes int)
RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  rows refcursor;
  found_row record;
  line text;
  taken int := 0;
  used int := 0;
BEGIN
  IF current_user <> '{ROLE}' THEN
    RAISE EXCEPTION 'juggernaut_read does not belong to {ROLE}' USING ERRCODE = 'insufficient_privilege';
  END IF;
  OPEN rows NO SCROLL FOR EXECUTE query;
  LOOP
    FETCH rows INTO found_row;
    EXIT WHEN NOT FOUND;
    line := row_to_json(found_row)::text;
    IF taken = 0 AND octet_length(line) > max_bytes THEN
      RAISE EXCEPTION 'the first row has % bytes; at most % are taken', octet_length(line), max_bytes
        USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF taken >= max_rows OR used + octet_length(line) > max_bytes THEN
      RETURN NEXT NULL;
      EXIT;
    END IF;
    taken := taken + 1;
    used := used + octet_length(line);
    RETURN NEXT line;
  END LOOP;
  CLOSE rows;
END $$"""


def prepare(**signal: Any) -> bool:
    """Make the role, if this database user may, and give it exactly what it is to read.

    False, and a warning, if the role cannot be made: `sql.query` then says so to whoever calls it.
    """
    tables = _tables()
    version = hashlib.sha256(f"{CREATE}{tables}".encode()).hexdigest()
    if _installed() == version:
        return True
    try:
        with transaction.atomic():
            _make_role()
            _install(tables, version)
    except DatabaseError as refused:
        said = " ".join(str(refused).split())
        logger.warning("sql.query cannot be used: the role %s cannot be made (%s); %s", ROLE, said, REMEDY)
        return False
    return True


def _tables() -> list[str]:
    found = {
        model._meta.db_table  # noqa: SLF001 (Django's documented interface, in spite of its name)
        for name in READABLE
        for model in apps.get_app_config(name).get_models(include_auto_created=True)
    }
    return sorted((found - UNREADABLE) & set(connection.introspection.table_names()))


def _installed() -> str | None:
    """The version of the function that stands in this database, if it belongs to the role: one that came
    with a backup belongs to whoever restored it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT obj_description(f.oid, 'pg_proc') FROM pg_proc f JOIN pg_roles r ON r.oid = f.proowner"
            " WHERE f.oid = to_regprocedure(%s) AND r.rolname = %s",
            [FUNCTION, ROLE],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _make_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [ROLE])
        if not cursor.fetchone()[0]:
            cursor.execute(f"CREATE ROLE {ROLE} NOLOGIN")
        cursor.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [ROLE])
        if not cursor.fetchone()[0]:
            cursor.execute(f"GRANT {ROLE} TO CURRENT_USER")


def _install(tables: list[str], version: str) -> None:
    quote = connection.ops.quote_name
    readable = ", ".join(quote(table) for table in tables)
    with connection.cursor() as cursor:
        for statement in (
            f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ROLE}",
            f"GRANT USAGE, CREATE ON SCHEMA public TO {ROLE}",
            f"GRANT SELECT ON {readable} TO {ROLE}",
            f"DROP FUNCTION IF EXISTS {FUNCTION}",
            CREATE,
            f"REVOKE ALL ON FUNCTION {FUNCTION} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO CURRENT_USER",
            f"COMMENT ON FUNCTION {FUNCTION} IS '{version}'",
            f"ALTER FUNCTION {FUNCTION} OWNER TO {ROLE}",
            # Owning it took this right; using it does not.
            f"REVOKE CREATE ON SCHEMA public FROM {ROLE}",
        ):
            cursor.execute(statement)
