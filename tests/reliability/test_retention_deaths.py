"""Whoever prunes may be killed at any moment: what is left is sound, and the next one finishes the work."""

import pytest
from django.db import connection

from governance import budgets
from governance.models import RetentionWalk, Task, TaskEvent
from juggernaut import sample
from tests.fleet import enlist
from tests.governance import letters
from tests.polling import until
from tests.reliability.processes import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

TASKS = 6_000


@pytest.fixture
def worn(transactional_db):
    enlist()
    size = {"tasks": TASKS, "letters": 600, "lines": 3_000, "calls": 3_000, "days": 400, "slice": 6_000}
    list(sample.load(sample.Size(**size, surroundings=False)))


def assert_sound():
    letters.assert_sound()
    assert [str(found) for found in budgets.discrepancies()] == []
    assert not TaskEvent.objects.exclude(task_id__in=Task.objects.values("pk")).exists()
    assert Task.objects.count() == count("SELECT count(DISTINCT task_id) FROM task_events")


def count(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def test_a_prune_that_is_killed_leaves_whole_tasks_and_the_next_one_finishes(worn, start):
    for left in (TASKS, TASKS - 1000, TASKS - 2000):
        program = start("manage.py", "prune", DATABASE_URL=database_url())
        until(lambda left=left: Task.objects.count() < left, what="a step", timeout=90)  # type: ignore[misc]
        program.process.kill()
        program.process.wait()
        assert_sound()

    program = start("manage.py", "prune", DATABASE_URL=database_url())
    assert program.process.wait(timeout=120) == 0, program.said()

    assert "removed from governance_tasks: " in program.said()
    assert_sound()
    assert Task.objects.count() < TASKS / 3


def test_a_watchdog_that_is_killed_goes_on_where_it_was(worn, start_watchdog):
    program = start_watchdog()
    until(lambda: Task.objects.count() < TASKS, what="a first sweep", timeout=90)
    list(program.family())
    for process in [program.process, *program.seen]:
        process.kill()
    position = RetentionWalk.objects.values_list("position", flat=True).get(pk="tasks")
    assert_sound()

    start_watchdog()

    def came_further():
        row = RetentionWalk.objects.get(pk="tasks")
        return row.position > position or row.rests_until is not None

    until(came_further, what="the walk goes on", timeout=90)
    assert_sound()
