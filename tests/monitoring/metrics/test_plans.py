"""No question of `/metrics` and no rule reads a big table from end to end."""

import pytest
from django.db import connection

from monitoring.alerts import rules
from monitoring.metrics import exposition, families

pytestmark = pytest.mark.django_db
BIG = {"governance_tasks", "task_events", "dead_letter_queue", "tool_executions", "api_cost_tracking"}

_FILL = """
INSERT INTO governance_tasks (title, task_type, status, assigned_worker, completed_at, waiting_for)
SELECT 'task ' || n, 'noop', status, 'ANALYST', CASE status WHEN 'completed' THEN now() END,
  CASE status WHEN 'parked' THEN 'rain' ELSE '' END
FROM generate_series(1, 20000) n
CROSS JOIN LATERAL (
  SELECT CASE WHEN n % 20 = 0 THEN 'pending' WHEN n % 50 = 1 THEN 'parked' ELSE 'completed' END) s(status)"""


@pytest.fixture
def many(db):
    with connection.cursor() as cursor:
        cursor.execute(_FILL)
        cursor.execute("ANALYZE governance_tasks")
        cursor.execute("ANALYZE task_events")


def questions():
    asked = [(each.sql, exposition._parameters(each)) for each in families.QUESTIONS]
    limits = {"threshold": 60, "limit": 10_000, "in_line": 1_000}
    statements = (rules._SILENT, rules._OPEN, rules._WAITED_FOR, rules._OLDEST, rules._WATCHDOG)
    return asked + [(sql, limits if "%(" in sql else None) for sql in statements]


def test_none_reads_a_big_table_from_end_to_end(many, subtests):
    for sql, parameters in questions():
        with subtests.test(sql), connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
            [[plan]] = cursor.fetchone()

            assert read_whole(plan["Plan"]) & BIG == set()


def test_a_plan_that_reads_one_is_noticed(many):
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) SELECT count(*) FROM governance_tasks WHERE title <> ''")
        [[plan]] = cursor.fetchone()

    assert read_whole(plan["Plan"]) == {"governance_tasks"}


def read_whole(node):
    """The tables that this plan scans sequentially."""
    here = {node["Relation Name"]} if node["Node Type"] == "Seq Scan" else set()
    return here.union(*(read_whole(child) for child in node.get("Plans", [])))
