"""The clock of recurring tasks: the sweep, django-q2's schedules and their messages."""

import ast
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Schedule

from governance.models import RecurringTask, ToolPermission
from governance.schedules import services
from reliability.watchdog import schedules as watchdog_schedules
from tests.governance.recurring import START, SYSTEM, due_since, history, make, tasks_of

pytestmark = pytest.mark.django_db


def schedules():
    return Schedule.objects.filter(name__startswith=watchdog_schedules.PREFIX)


def test_a_sweep_submits_what_is_due_and_schedules_the_next_time():
    row = make()

    assert watchdog_schedules.dispatch_due(due_since(row, 0.5)) == 1

    [schedule] = schedules()
    assert (schedule.func, schedule.cluster) == ("reliability.watchdog.schedules.fire", "watchdog")
    assert ast.literal_eval(schedule.args) == str(row.pk)
    assert schedule.next_run == START + timedelta(minutes=1)


def test_the_schedules_follow_what_is_active():
    one, other = make(name="one"), make(name="other")
    watchdog_schedules.keep_schedules()
    assert schedules().count() == 2

    services.pause([one.pk], actor=SYSTEM)
    watchdog_schedules.keep_schedules()
    assert watchdog_schedules.keep_schedules() == 0
    assert [schedule.name for schedule in schedules()] == [f"recurring {other.pk}"]

    services.remove(other.pk, actor=SYSTEM)
    watchdog_schedules.keep_schedules()
    assert not schedules().exists()


def test_a_schedule_that_fired_or_was_lost_is_made_anew():
    make()
    watchdog_schedules.keep_schedules()
    schedules().delete()

    assert watchdog_schedules.keep_schedules() == 1


def test_a_message_submits_once_and_a_second_one_nothing():
    row = make()
    RecurringTask.objects.filter(pk=row.pk).update(next_run_at=timezone.now() - timedelta(seconds=1))

    assert watchdog_schedules.fire(str(row.pk)) == 1
    assert watchdog_schedules.fire(str(row.pk)) == 0
    assert len(tasks_of(row)) == 1


def test_a_message_does_nothing_without_the_watchdogs_permission():
    row = make()
    RecurringTask.objects.filter(pk=row.pk).update(next_run_at=timezone.now() - timedelta(seconds=1))
    ToolPermission.objects.filter(tool_name=watchdog_schedules.TOOL).delete()

    assert watchdog_schedules.fire(str(row.pk)) == 0
    assert history(row) == []


def test_a_message_about_what_was_removed_does_nothing():
    row = make()
    gone = str(row.pk)
    services.remove(row.pk, actor=SYSTEM)

    assert watchdog_schedules.fire(gone) == 0


def test_one_that_cannot_be_read_does_not_stop_the_others():
    broken, sound = make(name="broken", cron="0 3 * * *"), make(name="sound")
    RecurringTask.objects.filter(pk=broken.pk).update(cron="soon")
    now = due_since(sound, 0.5)

    assert watchdog_schedules.dispatch_due(now) == 1

    broken.refresh_from_db()
    assert "five fields are expected" in broken.problem
    assert schedules().count() == 1
