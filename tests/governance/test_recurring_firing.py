"""What happens when a time has come: once, on time or late, beside itself or not."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from governance.models import RecurringRun, RecurringTask, Task
from governance.schedules import dispatch, services
from governance.tasks import services as tasks
from tests.fleet import enlist
from tests.governance.recurring import START, SYSTEM, due_since, history, make, tasks_of

pytestmark = pytest.mark.django_db


def end_all():
    live = Task.objects.filter(status="pending").values_list("pk", flat=True)
    tasks.cancel(list(live), actor=SYSTEM, reason="the test goes on")


def test_a_slot_is_submitted_once_and_the_next_is_found():
    row = make(task={"task_type": "evaluation", "payload": {"eval_type": "metric", "metric_value": 7}})
    now = due_since(row, 0.5)

    assert dispatch.dispatch(row.pk, now=now) == 1
    assert dispatch.dispatch(row.pk, now=now) == 0

    [task] = tasks_of(row)
    assert (task.title, task.payload["metric_value"], task.assigned_worker) == ("pulse", 7, "ANALYST")
    row.refresh_from_db()
    assert row.next_run_at == START + timedelta(minutes=1)
    assert history(row) == [("submitted", 0)]


def test_nothing_happens_before_its_time():
    row = make()
    now = due_since(row, 0) - timedelta(seconds=1)

    assert dispatch.dispatch(row.pk, now=now) == 0
    assert history(row) == []


def test_a_time_at_which_the_last_task_still_lives_is_left_out():
    row = make()
    dispatch.dispatch(row.pk, now=due_since(row, 0))

    dispatch.dispatch(row.pk, now=START + timedelta(minutes=1))

    assert history(row) == [("submitted", 0), ("overlap", 1)]
    assert len(tasks_of(row)) == 1


def test_it_may_run_beside_itself_if_that_is_allowed():
    row = make(overlap="allow")
    dispatch.dispatch(row.pk, now=due_since(row, 0))

    dispatch.dispatch(row.pk, now=START + timedelta(minutes=1))

    assert history(row) == [("submitted", 0), ("submitted", 1)]


def test_it_goes_on_when_the_last_task_has_ended():
    row = make()
    dispatch.dispatch(row.pk, now=due_since(row, 0))
    end_all()

    dispatch.dispatch(row.pk, now=START + timedelta(minutes=1))

    assert history(row) == [("submitted", 0), ("submitted", 1)]


@pytest.mark.parametrize(
    ("terms", "minutes", "expected"),
    [
        ({"missed": "once"}, 10.5, [("missed", 9), ("submitted", 10)]),
        ({"missed": "skip"}, 10.5, [("missed", 9), ("submitted", 10)]),
        ({"missed": "skip", "every_seconds": 600}, 5, [("missed", 0)]),
        ({"missed": "once", "every_seconds": 600}, 5, [("submitted", 0)]),
        (
            {"missed": "all", "max_catch_up": 3, "overlap": "allow"},
            10.5,
            [("missed", 7), ("submitted", 8), ("submitted", 9), ("submitted", 10)],
        ),
        ({"missed": "all", "overlap": "allow"}, 1.5, [("submitted", 0), ("submitted", 1)]),
    ],
    ids=["once", "skip-fresh", "skip-late", "once-late", "all-bounded", "all"],
)
def test_what_was_missed_is_treated_by_the_policy(terms, minutes, expected):
    row = make(**terms)

    dispatch.dispatch(row.pk, now=due_since(row, minutes))

    assert history(row) == expected


def test_missed_times_are_counted_in_one_line():
    row = make(missed="once")

    dispatch.dispatch(row.pk, now=due_since(row, 1000.5))

    assert RecurringRun.objects.get(recurring=row, outcome="missed").slots == 1000


def test_all_that_was_missed_is_run_one_after_the_other_where_overlap_is_forbidden():
    row = make(missed="all")
    now = due_since(row, 2.5)

    for _ in range(3):
        assert dispatch.dispatch(row.pk, now=now) == 1
        assert dispatch.dispatch(row.pk, now=now) == 0
        end_all()

    assert history(row) == [("submitted", 0), ("submitted", 1), ("submitted", 2)]
    row.refresh_from_db()
    assert row.next_run_at == START + timedelta(minutes=3)


def test_a_paused_one_submits_nothing_and_misses_nothing():
    row = make(missed="all")
    services.pause([row.pk], actor=SYSTEM)
    row.refresh_from_db()
    assert row.next_run_at is None

    assert dispatch.dispatch(row.pk, now=START + timedelta(days=1)) == 0
    services.resume([row.pk], actor=SYSTEM)

    resumed = RecurringTask.objects.get(pk=row.pk).next_run_at
    assert resumed is not None
    assert resumed > START + timedelta(days=1)
    assert history(row) == []


def test_a_task_that_can_no_longer_be_submitted_is_told_and_does_not_stop_the_next_time():
    row = make()
    RecurringTask.objects.filter(pk=row.pk).update(task={"task_type": "gone"})

    assert dispatch.dispatch(row.pk, now=due_since(row, 0)) == 0

    row.refresh_from_db()
    assert row.problem.startswith("it could not be submitted: task_type: unknown task type 'gone'")
    assert history(row) == [("refused", 0)]
    assert row.next_run_at == START + timedelta(minutes=1)


def test_a_row_typed_into_psql_gets_its_next_time():
    by_hand(
        "INSERT INTO recurring_tasks (name, kind, cron, task) VALUES ('typed', 'cron', '0 3 * * *', '{}')"
    )
    row = RecurringTask.objects.get(name="typed")

    assert row.pk in dispatch.due(START)
    dispatch.dispatch(row.pk, now=START)

    row.refresh_from_db()
    assert row.next_run_at == START + timedelta(hours=3)
    assert row.created_by.startswith("sql:")


def test_a_cron_typed_into_psql_that_means_nothing_says_so_and_is_left_alone():
    by_hand("INSERT INTO recurring_tasks (name, kind, cron, task) VALUES ('typed', 'cron', 'soon', '{}')")
    row = RecurringTask.objects.get(name="typed")

    dispatch.dispatch(row.pk, now=START)

    row.refresh_from_db()
    assert "five fields are expected" in row.problem
    assert row.pk not in dispatch.due(START)


def test_so_does_a_time_zone_that_postgresql_alone_understands():
    by_hand(
        "INSERT INTO recurring_tasks (name, kind, cron, timezone, task)"
        " VALUES ('typed', 'cron', '0 3 * * *', 'UTC+3', '{}')"
    )
    row = RecurringTask.objects.get(name="typed")

    dispatch.dispatch(row.pk, now=START)

    row.refresh_from_db()
    assert "a time zone is expected, such as Europe/Berlin (got 'UTC+3')" in row.problem
    assert row.pk not in dispatch.due(START)


def test_a_clock_that_is_changed_in_psql_is_obeyed():
    row = make()
    by_hand("UPDATE recurring_tasks SET every_seconds = 7200 WHERE id = %s", row.pk)

    dispatch.dispatch(row.pk, now=START + timedelta(seconds=1))

    row.refresh_from_db()
    assert row.next_run_at == START + timedelta(hours=2)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_submit_once():
    enlist()
    row = make()
    now = due_since(row, 0.5)
    barrier, submitted = threading.Barrier(4), []

    def fire():
        try:
            barrier.wait()
            submitted.append(dispatch.dispatch(row.pk, now=now))
        finally:
            connection.close()

    threads = [threading.Thread(target=fire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(submitted) == [0, 0, 0, 1]
    assert len(tasks_of(row)) == 1


def by_hand(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
