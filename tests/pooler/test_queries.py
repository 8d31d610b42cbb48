"""`sql.query` leaves nothing behind in a session that others use next, and keeps its limits."""

import asyncio
from contextlib import closing

import psycopg2
import pytest

from reliability.calls.types import CallFailed
from reliability.failures import PermanentFailure
from workers.sql import role as sql_role
from workers.sql.query import Query, read


@pytest.fixture
def run(pooled):
    sql_role.prepare()

    def query(sql, *, seconds=10.0):
        found = asyncio.run(read(Query(sql=sql, parameters={}, max_rows=9, max_bytes=9999, seconds=seconds)))
        return found.rows

    return query


@pytest.fixture
def left(pooled):
    """What the session holds that the query used: PgBouncer gives the same one to whoever asks next."""

    def look():
        with closing(psycopg2.connect(pooled)) as opened, opened.cursor() as cursor:
            cursor.execute(
                "SELECT 'lock' FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " UNION ALL SELECT name FROM pg_settings WHERE source = 'session' AND name IN"
                " ('statement_timeout', 'lock_timeout', 'work_mem', 'transaction_read_only', 'search_path')"
            )
            return cursor.fetchall()

    return look


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_advisory_lock(4711)::text AS v",
        "SELECT set_config('work_mem', '99MB', false) AS v",
        "SELECT set_config('search_path', 'nowhere', false) AS v",
        "SELECT set_config('statement_timeout', '1', false) AS v",
    ],
)
def test_nothing_outlives_a_query(run, left, sql):
    assert len(run(sql)) == 1

    assert left() == []


@pytest.mark.parametrize(
    "sql", ["SELECT pg_advisory_lock(4711), 1/0", "SELECT set_config('work_mem', '9MB', false), 1/0"]
)
def test_nothing_outlives_a_query_that_fails(run, left, sql):
    with pytest.raises(PermanentFailure, match="division by zero"):
        run(sql)

    assert left() == []


def test_a_query_is_ended_after_its_time_and_the_next_has_its_own(run, left):
    with pytest.raises(CallFailed, match="statement timeout"):
        run("SELECT pg_sleep(60)", seconds=0.05)

    assert run("SELECT pg_sleep(0.2)::text AS v") == [{"v": ""}]
    assert left() == []


def test_a_query_only_reads(run):
    assert run("SELECT current_setting('transaction_read_only') AS v") == [{"v": "on"}]
