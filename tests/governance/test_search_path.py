"""Functions in the database find our tables when the caller's `search_path` is empty."""

from decimal import Decimal

import pytest
from django.db import connection, transaction

from tests.governance import letters, lives

# Not pinned: they name nothing of ours (or their own schema), and some are inlined where they are called.
NAMELESS = {
    "breaker_mode",
    "breaker_settings",
    "failure_reason",
    "failure_rules_version",
    "failure_signature",
    "juggernaut_id_is_timely",
    "juggernaut_uuid7",
    "metric_slot",
}
QUALIFIED = {"tool_permission"}

_UNPINNED = """
SELECT p.proname FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) setting WHERE setting LIKE 'search_path=%')"""

CALLS = {
    "breaker_mode": "breaker_mode(b) FROM public.circuit_breakers b",
    "breaker_settings": "breaker_settings(b) FROM public.circuit_breakers b",
    "failure_reason": "failure_reason('row 7 of 9')",
    "failure_rules_version": "failure_rules_version()",
    "failure_signature": "failure_signature(1, 'noop', '', '', 'Error', 'boom')",
    "juggernaut_id_is_timely": "juggernaut_id_is_timely(gen_random_uuid(), now())",
    "juggernaut_uuid7": "juggernaut_uuid7()",
    "metric_slot": "metric_slot()",
    "tool_permission": "tool_permission('EXECUTOR', 'http.get', now())",
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def without_path():
    """Statements run here as by a role whose `search_path` is empty."""

    def run(statement, *parameters):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL search_path = ''")
            cursor.execute(statement, parameters or None)
            found = cursor.fetchall() if cursor.description else cursor.rowcount
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("SET LOCAL search_path = public")
            return found

    return run


def test_every_function_sets_its_search_path():
    with connection.cursor() as cursor:
        cursor.execute(_UNPINNED)
        unpinned = {name for (name,) in cursor.fetchall()}

    assert unpinned == NAMELESS | QUALIFIED, (
        "pin new functions in their migration: governance/db/operations/search_path.py"
    )


@pytest.mark.parametrize("name", sorted(NAMELESS | QUALIFIED))
def test_those_that_do_not_work_without_one(without_path, name):
    without_path(f"SELECT public.{CALLS[name]}")


def test_permissions_are_still_looked_up_inside_the_query_that_asks():
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT * FROM tool_permission('EXECUTOR', 'http.get', now())")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "worker_tool_permissions" in plan
    assert "Function Scan" not in plan


class TestSqlWithoutASearchPath:
    def test_makes_a_task_and_fails_it(self, without_path):
        [(task,)] = without_path(
            "INSERT INTO public.governance_tasks (task_type) VALUES ('noop') RETURNING id"
        )

        without_path("UPDATE public.governance_tasks SET status = 'failed' WHERE id = %s", task)

        assert lives.path(task) == ["pending", "failed"]

    def test_corrects_and_resolves_a_letter(self, without_path):
        letter = letters.failed()

        without_path("UPDATE public.dead_letter_queue SET error_message = 'worse' WHERE id = %s", letter.pk)
        without_path("UPDATE public.dead_letter_queue SET status = 'resolved' WHERE id = %s", letter.pk)

        assert lives.fetch(letter.task_id).dead_letter_id is None

    def test_cancels_a_child_of_a_workflow(self, without_path):
        [(child,)] = without_path(
            "INSERT INTO public.governance_tasks (task_type, parent_id) VALUES ('noop', %s) RETURNING id",
            lives.make().pk,
        )

        without_path("UPDATE public.governance_tasks SET status = 'cancelled' WHERE id = %s", child)

        assert lives.status(child) == "cancelled"

    def test_reschedules(self, without_path):
        without_path(
            "INSERT INTO public.recurring_tasks (name, kind, cron, task)"
            " VALUES ('n', 'cron', '0 3 * * *', '{}')"
        )

        assert without_path("UPDATE public.recurring_tasks SET cron = '0 4 * * *'") == 1

    def test_reserves_settles_and_corrects(self, without_path):
        without_path("UPDATE public.worker_budgets SET daily_limit = 9, weekly_limit = 9, monthly_limit = 9")
        [(outcome, hold)] = without_path(
            "SELECT outcome, hold FROM public.governance_budget_reserve('EXECUTOR', NULL, NULL, 's', 'm', 1,"
            " 1, interval '1 minute', NULL)"
        )
        [(was, charged)] = without_path(
            "SELECT * FROM public.governance_budget_end(%s, 'settled', 0.5, 'provider', '{}', NULL)", hold
        )
        [(_, difference)] = without_path(
            "SELECT * FROM public.governance_budget_correct(%s, 0.75, 'provider', '{}')", hold
        )

        assert (outcome, was, charged, difference) == ("held", "open", Decimal("0.5"), Decimal("0.25"))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE public.worker_budgets SET daily_limit = 7",
            "UPDATE public.circuit_breakers SET mode = 'forced_open', failure_threshold = 9",
            "UPDATE public.fleet SET status = 'paused'",
            "UPDATE public.worker_tool_permissions SET max_calls_per_day = 9",
            "DELETE FROM public.worker_tool_permissions",
            "INSERT INTO public.api_cost_tracking (worker_id, service, model, cost_usd)"
            " VALUES ('EXECUTOR', 'openrouter', 'm', 0.5)",
            "SELECT public.take_call('EXECUTOR', 'http.get', 9, 9, now())",
            "INSERT INTO public.auth_group (name) VALUES ('night shift')",
            "TRUNCATE public.dead_letter_queue CASCADE",
        ],
    )
    def test_fires_every_trigger(self, without_path, statement):
        assert without_path(statement) != 0
