"""The sample is as sound as what a system has made by itself."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from governance import budgets
from governance.models import CostLine, DeadLetter, FailureSignature, Task, TaskEvent, ToolExecution
from juggernaut import sample
from tests.fleet import enlist

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SMALL = sample.Size(
    tasks=300,
    letters=60,
    lines=1500,
    calls=500,
    groups=7,
    days=10,
    slice=100,
    surroundings=False,
)


@pytest.fixture
def loaded(db):
    return list(sample.load(SMALL))


def scalar(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def test_it_has_as_many_rows_as_were_asked_for_and_says_how_far_it_is(loaded):
    assert loaded == list(range(1, sample.step_count(SMALL) + 1))
    assert Task.objects.count() == 300
    assert DeadLetter.objects.count() == 60
    assert CostLine.objects.count() == 1500
    assert ToolExecution.objects.count() == 500
    assert FailureSignature.objects.values("error_class").distinct().count() == 7


def test_budgets_ledger_and_summaries_agree(loaded):
    assert [str(found) for found in budgets.discrepancies()] == []
    assert scalar("SELECT sum(spent) > 0 FROM budget_windows WHERE scope = 'FLEET' AND kind = 'day'")
    assert scalar("SELECT sum(cost_usd) FROM cost_hours") == scalar(
        "SELECT sum(spent) FROM budget_windows WHERE scope = 'FLEET' AND kind = 'month'"
    )


def test_counts_of_groups_are_those_of_their_letters(loaded):
    by_hand = "(SELECT count(*) FROM dead_letter_queue l WHERE l.signature_id = s.id AND l.status = '{}')"
    wrong = " OR ".join(f"{status} <> {by_hand.format(status)}" for status in ("pending", "resolved"))

    assert scalar(f"SELECT count(*) FROM failure_signatures s WHERE {wrong}") == 0
    assert scalar("SELECT sum(resolved) FROM failure_signatures") == 6


def test_every_task_has_all_of_its_events_and_stands_where_the_last_one_says(loaded):
    assert TaskEvent.objects.count() == scalar("SELECT sum(transitions + 1) FROM governance_tasks")
    assert not scalar("""
      SELECT count(*) FROM governance_tasks t JOIN task_events e ON e.task_id = t.id AND e.seq = t.transitions
      WHERE e.to_status <> t.status OR e.created_at < t.created_at""")


def test_ids_carry_the_time_of_their_rows(loaded):
    moment = "to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)"

    for table in ("governance_tasks", "tool_executions", "dead_letter_queue", "budget_holds"):
        assert (
            scalar(f"SELECT count(*) FROM {table} WHERE abs(extract(epoch FROM {moment} - created_at)) > 1")
            == 0
        )


def test_no_worker_would_take_any_of_it(loaded):
    assert not scalar("SELECT count(*) FROM governance_tasks WHERE status = 'pending' AND run_after < now()")
    assert scalar("SELECT count(*) FROM governance_tasks WHERE status = 'parked'") > 0


@pytest.mark.django_db(transaction=True)
def test_a_load_that_dies_in_a_slice_leaves_the_slices_before_it_and_the_triggers_on(transactional_db):
    enlist()
    steps = sample.load(SMALL)
    next(steps)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE dead_letter_queue ADD CONSTRAINT nothing_more"
            " CHECK (created_at < '2000-01-01') NOT VALID"
        )
    try:
        with pytest.raises(Exception, match="nothing_more"):
            next(steps)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE dead_letter_queue DROP CONSTRAINT nothing_more")

    assert Task.objects.count() == 100
    assert [str(found) for found in budgets.discrepancies()] == []
    assert scalar("SELECT tgenabled FROM pg_trigger WHERE tgname = 'task_created'") == "O"


class TestCommand:
    def test_it_loads_what_was_asked_for(self, db, capsys):
        call_command("load_sample", "--into-this-database", "--json", tasks=40, letters=4, lines=80, calls=8)

        assert json.loads(capsys.readouterr().out) == {"tasks": 40, "letters": 4, "lines": 80, "calls": 8}
        assert Task.objects.count() == 40

    def test_it_wants_to_hear_that_this_database_is_meant(self, db):
        with pytest.raises(CommandError, match="--into-this-database"):
            call_command("load_sample")

    @override_settings(IS_LOCAL=False)
    def test_it_refuses_in_production_whatever_is_said(self, db):
        with pytest.raises(CommandError, match="production profile"):
            call_command("load_sample", "--into-this-database")

    @pytest.mark.parametrize(
        ("numbers", "words"),
        [
            ({"tasks": 0}, "tasks"),
            ({"tasks": 10, "letters": 6}, "letters: at most half"),
            ({"lines": 5, "calls": 6}, "calls: at most one"),
            ({"days": 0}, "days"),
        ],
    )
    def test_numbers_that_cannot_be_are_named(self, db, numbers, words):
        with pytest.raises(CommandError, match=words):
            call_command("load_sample", "--into-this-database", **numbers)
