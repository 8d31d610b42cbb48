"""One sweep: every duty is done, whatever becomes of the one before it."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import Schedule

from governance.models import Task, WorkerProcess
from reliability.models import WatchdogSweep
from reliability.watchdog import sweep

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def broken(now):
    raise LookupError("no such budget")


def test_a_failing_duty_stops_no_other_and_is_recorded(caplog):
    done = sweep.run({"first": lambda now: 2, "broken": broken, "last": lambda now: 1}, leader="me")

    row = WatchdogSweep.objects.get()
    assert row == done
    assert row.counts == {"first": 2, "last": 1}
    assert row.error == "broken: no such budget"
    assert row.leader == "me"
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "watchdog duty 'broken' failed" in record.message


@pytest.mark.django_db(transaction=True)
def test_a_duty_whose_sql_fails_does_not_take_the_sweep_along():
    def misspelt(now):
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM governance_tasks")

    row = sweep.run({"misspelt": misspelt}, leader="me")

    assert "no_such_column" in row.error


def test_a_database_that_went_away_ends_the_sweep():
    def refused(now):
        raise OperationalError("connection refused")

    with pytest.raises(OperationalError):
        sweep.run({"refused": refused, "never": broken}, leader="me")

    assert not WatchdogSweep.objects.exists()


def test_what_was_done_is_said_in_one_line_and_nothing_is_said_of_nothing(caplog):
    caplog.set_level(logging.INFO, logger="reliability.watchdog.sweep")

    sweep.run({"rescued": lambda now: 3, "released": lambda now: 0, "rung": lambda now: 1}, leader="me")
    sweep.run({"rescued": lambda now: 0}, leader="me")

    assert [record.message for record in caplog.records] == ["watchdog sweep: rescued 3, rung 1"]


def test_a_duty_whose_turn_it_was_not_is_not_counted():
    row = sweep.run({"unbalanced": lambda now: None, "rescued": lambda now: 0}, leader="me")

    assert row.counts == {"rescued": 0}


def test_all_duties_find_nothing_to_do_on_an_idle_system():
    sweep.run(sweep.DUTIES, leader="me")
    row = sweep.run(sweep.DUTIES, leader="me")

    assert row.error == ""
    # The books have their turn once a minute.
    assert {"unbalanced": 0} | row.counts == dict.fromkeys(sweep.DUTIES, 0)


def test_an_overdue_task_fails():
    task = Task.objects.create(title="too late", task_type="evaluation", deadline=LONG_AGO)

    row = sweep.run(sweep.DUTIES, leader="me")

    task.refresh_from_db()
    assert task.status == "failed"
    assert row.counts["expired"] == 1


def test_more_than_one_batch_is_done_in_one_sweep(monkeypatch):
    monkeypatch.setattr(sweep, "BATCH", 2)
    for n in range(5):
        Task.objects.create(title=f"too late {n}", task_type="evaluation", deadline=LONG_AGO)

    row = sweep.run(sweep.DUTIES, leader="me")

    assert row.counts["expired"] == 5


def test_a_silent_process_is_forgotten():
    WorkerProcess.objects.create(
        worker_ids=["EXECUTOR"], host="h", pid=1, last_seen=timezone.now() - timedelta(minutes=10)
    )

    row = sweep.run(sweep.DUTIES, leader="me")

    assert row.counts["forgotten processes"] == 1
    assert not WorkerProcess.objects.exists()


def test_sweeps_are_kept_for_a_day():
    now = timezone.now()
    for age in (timedelta(hours=25), timedelta(hours=23)):
        WatchdogSweep.objects.create(started_at=now - age, leader="me", duration_ms=1)

    assert sweep.forget_sweeps(now) == 1
    assert WatchdogSweep.objects.get().started_at == now - timedelta(hours=23)


def test_the_schedule_exists_once_and_an_operators_change_of_it_stays():
    sweep.keep_schedule(timezone.now())
    Schedule.objects.update(minutes=5)

    assert sweep.keep_schedule(timezone.now()) == 0

    schedule = Schedule.objects.get(name="watchdog")
    assert (schedule.func, schedule.cluster, schedule.minutes) == (
        "reliability.watchdog.loop.watch",
        "watchdog",
        5,
    )
