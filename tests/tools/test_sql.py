"""`sql.query` reads the product's tables, one statement at a time, and nothing else, whatever it is told."""

import pytest
from django.db import connection

from governance.models import Task
from juggernaut.embedded import postgres
from reliability.failures import PermanentFailure, TransientFailure
from tests.governance.api_client import make_user
from tests.tools.calls import call, last
from workers import tools
from workers.sql import query as sql_query
from workers.sql import role as sql_role
from workers.tools.registry import InvalidArguments

pytestmark = pytest.mark.slow


def rows(context, sql, **more):
    return call(context, "sql.query", sql=sql, **more)["rows"]


def test_rows_come_as_objects_in_the_order_of_their_columns(context):
    answer = call(
        context, "sql.query", sql="SELECT id, status, NULL AS nothing, 1.5::float AS f FROM governance_tasks;"
    )

    assert answer == {
        "rows": [{"id": str(context.task_id), "status": "in_progress", "nothing": None, "f": 1.5}],
        "row_count": 1,
        "truncated": False,
    }
    assert list(answer["rows"][0]) == ["id", "status", "nothing", "f"]
    assert (last().status, last().service) == ("succeeded", "sql")


def test_numbers_keep_their_digits(context):
    [row] = rows(
        context,
        "SELECT 0.1::numeric AS a, 123456789.123456789::numeric AS b, 9::int8 AS c, 10::numeric^30 AS d",
    )

    assert (row["a"], row["b"], row["c"]) == (0.1, "123456789.123456789", 9)
    assert isinstance(row["d"], str)


@pytest.mark.parametrize(
    ("sql", "parameters", "value"),
    [
        ("SELECT %(a)s AS v", {"a": "x'; DROP TABLE auth_user; --"}, "x'; DROP TABLE auth_user; --"),
        ("SELECT %(a)s::int + 1 AS v", {"a": 41}, 42),
        ("SELECT %(a)s AS v", {"a": None}, None),
        ("SELECT 3 = ANY(%(a)s) AS v", {"a": [1, 2, 3]}, True),
        ("SELECT 7 %% %(a)s AS v", {"a": 4}, 3),
        ("SELECT 7 % 4 AS v", {}, 3),
        ("SELECT %(a)s AS v", {"a": "\\' OR 1=1"}, "\\' OR 1=1"),
    ],
)  # fmt: skip
def test_parameters_are_values_and_nothing_else(context, sql, parameters, value):
    assert rows(context, sql, parameters=parameters) == [{"v": value}]


@pytest.mark.parametrize("sql", ["SELECT %(b)s", "SELECT %s", "SELECT %", "SELECT %(a)d"])
def test_parameters_that_do_not_fit_are_named(context, sql):
    with pytest.raises(PermanentFailure, match="parameters do not fit"):
        rows(context, sql, parameters={"a": "1"})


HOSTILE = [
    ("SELECT 1; SELECT 2", "multi"),
    ("SELECT 1; DROP TABLE governance_tasks", "multi"),
    ("COMMIT; DELETE FROM governance_tasks", "multi"),
    ("COMMIT", "cursor"),
    ("DELETE FROM governance_tasks", "cursor"),
    ("DELETE FROM governance_tasks RETURNING id", "denied|read-only"),
    ("UPDATE governance_tasks SET status = 'completed' RETURNING id", "denied|read-only"),
    ("INSERT INTO governance_tasks (task_type) VALUES ('x') RETURNING id", "denied|read-only"),
    ("WITH d AS (DELETE FROM governance_tasks RETURNING id) SELECT * FROM d", "denied|WITH|read-only"),
    ("SELECT * FROM governance_tasks FOR UPDATE", "denied|read-only"),
    ("TRUNCATE governance_tasks", "cursor"),
    ("CREATE TABLE mine (a int)", "cursor"),
    ("CREATE TEMP TABLE mine AS SELECT 1", "cursor"),
    ("SELECT 1 INTO mine", "cursor|INTO"),
    ("COPY governance_tasks TO PROGRAM 'id'", "cursor"),
    ("COPY (SELECT 1) TO '/tmp/out'", "cursor"),
    ("DO $$ BEGIN DELETE FROM governance_tasks; END $$", "cursor"),
    ("SET ROLE postgres", "cursor"),
    ("RESET ROLE", "cursor"),
    ("SET SESSION AUTHORIZATION DEFAULT", "cursor"),
    ("LOCK governance_tasks", "cursor"),
    ("NOTIFY x", "cursor"),
    ("VACUUM", "cursor"),
    ("PREPARE p AS SELECT 1", "cursor"),
    ("SELECT password FROM auth_user", "denied"),
    ("SELECT * FROM api_tokens", "denied"),
    ("SELECT after FROM audit_log", "denied"),
    ("SELECT * FROM django_session", "denied"),
    ("SELECT * FROM django_q_task", "denied"),
    ("SELECT * FROM pg_authid", "denied"),
    ("SELECT * FROM pg_shadow", "denied"),
    ("SELECT pg_read_file('/etc/passwd')", "denied"),
    ("SELECT pg_read_binary_file('/etc/passwd')", "denied"),
    ("SELECT pg_stat_file('/etc/passwd')", "denied"),
    ("SELECT pg_ls_dir('/')", "denied"),
    ("SELECT pg_ls_logdir()", "denied"),
    ("SELECT lo_export(1, '/tmp/out')", "denied|read-only"),
    ("SELECT * FROM dblink('host=127.0.0.1', 'SELECT 1') AS t (a int)", "not exist"),
    ("CREATE EXTENSION dblink", "cursor"),
    ("IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public", "cursor"),
    ("ALTER ROLE juggernaut_reader SUPERUSER", "cursor"),
    (
        "WITH a AS (UPDATE worker_budgets SET daily_limit = 1 RETURNING 1),"
        " b AS (INSERT INTO approvals DEFAULT VALUES RETURNING 1) SELECT * FROM a, b",
        "denied|read-only",
    ),
    (
        "SELECT * FROM (WITH d AS (DELETE FROM governance_tasks RETURNING id) SELECT * FROM d) x",
        "denied|WITH|read-only|top level",
    ),
    ("SELECT lo_import('/etc/passwd')", "denied|read-only"),
    ("SELECT lo_create(0)", "denied|read-only"),
    ("SELECT nextval('audit_log_id_seq')", "denied|read-only"),
    ("SELECT pg_reload_conf()", "denied"),
    ("SELECT set_config('transaction_read_only', 'off', true)", "read-write|read-only"),
    ("SELECT set_config('role', 'none', true)", "security-definer"),
    ("SELECT set_config('role', session_user, true)", "security-definer"),
    ("SELECT set_config('session_authorization', session_user, true)", "security-definer"),
    (
        "SELECT set_config('role', session_user, true), query_to_xml('TABLE auth_user', true, true, '')",
        "denied|security-definer",
    ),
    ("SELECT query_to_xml('SELECT password FROM auth_user', true, true, '')", "denied"),
    ("SELECT query_to_xml('DELETE FROM governance_tasks', true, true, '')", "denied|read-only|not"),
    ("SELECT take_call('EXECUTOR', 'x', 1, 1, now())", "denied|read-only"),
    ("SELECT governance_budget_reserve('EXECUTOR',NULL,NULL,'','',1,1,'1 s',NULL)", "denied|read-only"),
    ("EXPLAIN ANALYZE DELETE FROM governance_tasks", "denied|read-only|cursor"),
    ("CALL x()", "cursor|not exist"),
    ("nonsense", "syntax"),
    ("SELECT 'unended", "unterminated"),
    ("--", "cursor|empty|syntax"),
]


@pytest.mark.parametrize(("sql", "said"), HOSTILE, ids=[sql[:60] for sql, _ in HOSTILE])
def test_nothing_but_reading_is_possible(context, sql, said):
    make_user("ann")

    with pytest.raises(PermanentFailure, match=f"(?i){said}"):
        rows(context, sql)

    assert Task.objects.get(pk=context.task_id).status == "in_progress"
    assert last().status == "failed"


@pytest.mark.parametrize("sql", ["", "  ", ";", " ; ; ", "x" * 20_001, "SELECT '\x00'"])
def test_what_is_no_statement_is_refused_before_it_is_sent(sql):
    with pytest.raises(InvalidArguments, match=r"arguments\.sql"):
        tools.get("sql.query").parse({"sql": sql})


@pytest.mark.parametrize(
    "arguments",
    [{"max_rows": 0}, {"max_rows": 10**6}, {"seconds": 0}, {"seconds": 10**6}, {"parameters": {"a": {}}},
     {"parameters": {"a": "\x00"}}, {"parameters": {f"p{n}": 1 for n in range(51)}}, {"role": "postgres"}],
    ids=["no rows", "many rows", "no time", "much time", "object", "nul", "many", "role"],
)  # fmt: skip
def test_limits_cannot_be_lifted(arguments):
    with pytest.raises(InvalidArguments):
        tools.get("sql.query").parse({"sql": "SELECT 1"} | arguments)


def test_other_sessions_cannot_be_ended(context):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()

    with pytest.raises(PermanentFailure, match="denied"):
        rows(context, "SELECT pg_terminate_backend(%(pid)s)", parameters={"pid": pid})


def test_nobody_is_told_anything_by_a_query(context):
    with connection.cursor() as cursor:
        cursor.execute("LISTEN loud")
        rows(context, "SELECT pg_notify('loud', 'x')::text AS v")
        cursor.execute("SELECT 1")
        connection.connection.poll()
        assert connection.connection.notifies == []
        cursor.execute("UNLISTEN loud")


def test_a_lock_does_not_outlive_its_query(context):
    rows(context, "SELECT pg_advisory_lock(4711)::text AS v")

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(4711), pg_advisory_unlock_all()")
        assert cursor.fetchone()[0] is True


def test_a_query_that_takes_too_long_is_ended_on_the_server_and_the_database_is_not_blamed(context):
    for _ in range(6):
        with pytest.raises(TransientFailure, match="statement timeout"):
            rows(context, "SELECT pg_sleep(60)", seconds=0.05)

    assert rows(context, "SELECT 1 AS v") == [{"v": 1}]


def test_rows_are_bounded(context):
    answer = call(context, "sql.query", sql="SELECT generate_series(1, 1000000000) AS n", max_rows=3)

    assert answer == {"rows": [{"n": 1}, {"n": 2}, {"n": 3}], "row_count": 3, "truncated": True}


def test_bytes_are_bounded(context):
    answer = call(context, "sql.query", sql="SELECT repeat('x', 60000) AS v FROM generate_series(1, 9)")

    assert (answer["row_count"], answer["truncated"]) == (2, True)
    with pytest.raises(PermanentFailure, match=r"first row has \d+ bytes; at most 131072"):
        rows(context, "SELECT repeat('x', 10000000)")


def test_two_columns_of_one_name_are_not_lost(context):
    with pytest.raises(PermanentFailure, match="name them with AS"):
        rows(context, "SELECT 1, 2")


def test_text_that_cannot_be_kept_does_not_come(context):
    assert rows(context, "SELECT 'a' || chr(55) AS v, 'NaN'::float AS n") == [{"v": "a7", "n": "NaN"}]


def test_without_the_function_the_call_says_what_to_do(context):
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {sql_role.ROLE}")
        cursor.execute(f"DROP FUNCTION {sql_role.FUNCTION}")
        cursor.execute("RESET ROLE")
    try:
        with pytest.raises(PermanentFailure, match=f"{sql_role.ROLE}.*manage.py set_up"):
            rows(context, "SELECT 1")
    finally:
        assert sql_role.prepare()


def test_a_function_that_belongs_to_somebody_else_reads_nothing(context):
    """As after a restore by a superuser: then it would read with that one's rights."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {sql_role.ROLE}")
        cursor.execute(f"DROP FUNCTION {sql_role.FUNCTION}")
        cursor.execute("RESET ROLE")
        cursor.execute(sql_role.CREATE)
    try:
        with pytest.raises(PermanentFailure, match="does not belong to"):
            rows(context, "SELECT password FROM auth_user")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP FUNCTION {sql_role.FUNCTION}")
        assert sql_role.prepare()


def test_a_table_that_was_not_meant_cannot_be_read_after_set_up(context):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE somebodys_secrets AS SELECT 'x' AS word")
    try:
        with pytest.raises(PermanentFailure, match="denied"):
            rows(context, "SELECT * FROM somebodys_secrets")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE somebodys_secrets")


def test_queries_have_connections_of_their_own_and_few(context):
    [row] = rows(context, "SELECT current_user AS who, session_user AS session")

    assert (row["who"], row["session"]) == (sql_role.ROLE, connection.settings_dict["USER"])
    assert sql_query.CONNECTIONS == 2


def test_the_embedded_server_makes_the_role_that_is_meant():
    assert postgres.READER == sql_role.ROLE
