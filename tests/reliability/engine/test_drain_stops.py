"""A worker loop that must stop something: one task, what it lost, or itself."""

import threading
from datetime import timedelta

import pytest

from governance.models import LateResult, Task, Worker
from governance.tasks import transitions
from reliability.engine import heartbeat
from tests.governance import lives
from tests.polling import until
from tests.reliability.engine import drainage
from tests.reliability.engine.attempts import task_type
from tests.reliability.engine.drainage import draining, sql, submit, until_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fleet"), pytest.mark.slow]

RUNBOOK = (
    "UPDATE governance_tasks SET status = 'failed', updated_at = NOW(),"
    " error_message = 'Terminated due to excessive runtime' WHERE id = %s"
)


def running(kind, **columns):
    """A task that will not end by itself, and runs."""
    [task_id] = submit(kind, payload={"seconds": 600}, **columns)
    until_all("in_progress", [task_id])
    return task_id


@pytest.mark.parametrize("kind", ["wait", "wait_plain"])
def test_a_cancelled_task_stops_and_frees_its_place(kind):
    Worker.objects.update(max_concurrency=1)
    with draining() as process:
        task_id = running(kind)

        transitions.cancel([task_id], actor="ann", reason="not needed")

        until(lambda: process.in_flight() == 0, what="an idle drain")
        until_all("completed", submit("noop_plain", count=2))
        assert until(lambda: process.drain._threads.abandoned == 0)
    assert lives.fetch(task_id).error_message == "not needed"
    assert not LateResult.objects.exists()


@pytest.mark.parametrize("kind", ["wait", "wait_plain"])
def test_the_runbooks_terminate_stops_it(kind):
    with draining() as process:
        task_id = running(kind)

        sql(RUNBOOK, task_id)

        until(lambda: process.in_flight() == 0, what="an idle drain")
    task = lives.fetch(task_id)
    assert (task.status, task.error_message) == ("failed", "Terminated due to excessive runtime")
    assert lives.path(task_id) == ["pending", "in_progress", "failed"]


def test_what_a_plain_function_brings_back_later_is_kept_apart():
    release = threading.Event()

    def ignore_the_stop(payload, context):
        assert release.wait(30)
        return {"after": "all"}

    with task_type(ignore_the_stop, name="deaf"), draining() as process:
        [task_id] = submit("deaf")
        until_all("in_progress", [task_id])
        sql(RUNBOOK, task_id)
        until(lambda: process.in_flight() == 0, what="an idle drain")
        release.set()
        late = until(lambda: LateResult.objects.filter(task_id=task_id).first())

    assert (late.result, late.found_status, late.outcome) == ({"after": "all"}, "failed", "completed")
    assert lives.fetch(task_id).result is None


@pytest.mark.parametrize("kind", ["wait", "wait_plain"])
def test_a_task_sent_back_in_sql_runs_again_and_its_first_run_ends(kind, monkeypatch):
    """The same process wins it again before it hears that it had lost it."""
    monkeypatch.setattr(heartbeat, "RENEW_AFTER_SECONDS", 1.0)
    Worker.objects.update(max_concurrency=1)
    with draining() as process:
        task_id = running(kind)
        sql("UPDATE governance_tasks SET status = 'pending' WHERE id = %s", task_id)
        until(lambda: lives.path(task_id)[2:] == ["pending", "in_progress"], what="a second run")
        sql(RUNBOOK, task_id)
        until(lambda: process.in_flight() == 0, what="an idle drain")

        until_all("completed", submit(count=5))
        assert process.drain._window.room()["EXECUTOR"] >= 1
    lives.assert_sound(task_id)
    assert lives.fetch(task_id).crash_attempts == 0


def test_a_process_that_lost_its_lease_and_claims_the_task_again_finishes_it_once():
    with draining() as process:
        [task_id] = submit("wait", payload={"seconds": 1})
        until_all("in_progress", [task_id])
        token = lives.fetch(task_id).lease_token
        transitions.renew({task_id: token}, lease=timedelta(seconds=-1))
        transitions.rescue(dead=[process.process_id])

        until_all("completed", [task_id])

    task = lives.fetch(task_id)
    assert (task.attempts, task.crash_attempts) == (2, 1)
    assert task.lease_token > token
    assert lives.path(task_id).count("completed") == 1


def test_late_news_of_a_lost_lease_do_not_stop_the_run_that_holds_the_next_one():
    with draining() as process:
        [task_id] = submit("wait", payload={"seconds": 0.5})
        until_all("in_progress", [task_id])
        process.drain._on_lost({task_id: lives.fetch(task_id).lease_token - 1})

        until_all("completed", [task_id])

    assert lives.path(task_id) == ["pending", "in_progress", "completed"]


def test_leases_of_long_tasks_are_renewed():
    with draining():
        task_id = running("wait")
        first = lives.fetch(task_id)
        renewed = Task.objects.filter(pk=task_id, lease_expires_at__gt=first.lease_expires_at)
        until(renewed.exists, what="a later end of the lease")

        assert lives.fetch(task_id).updated_at > first.updated_at


def test_a_drain_that_is_asked_to_leave_lets_short_tasks_finish():
    with draining() as process:
        ids = submit("wait", payload={"seconds": 0.5}, count=3)
        until_all("in_progress", ids)

        process.leave(within_seconds=20)

    assert drainage.all_are("completed", ids)


@pytest.mark.parametrize("kind", ["wait", "wait_plain"])
def test_what_does_not_finish_in_time_is_given_back_without_counting_the_attempt(kind):
    with draining() as process:
        task_id = running(kind)

        process.leave(within_seconds=2.5)

    task = lives.fetch(task_id)
    assert (task.status, task.attempts, task.error_attempts, task.crash_attempts) == ("pending", 0, 0, 0)
    assert lives.path(task_id) == ["pending", "in_progress", "pending"]


def test_what_was_claimed_ahead_is_given_back_at_once():
    """A burst of short tasks lets the window claim more than it can run of what comes behind them."""
    Worker.objects.update(max_concurrency=1)
    short = submit(count=10, priority=100)
    ids = submit("wait", payload={"seconds": 600}, count=4)
    with draining() as process:
        until_all("completed", short)
        until(lambda: process.in_flight() > 1)

        process.leave(within_seconds=2.5)

    assert drainage.all_are("pending", ids)
    assert set(Task.objects.filter(pk__in=ids).values_list("attempts", flat=True)) == {0}


def test_what_was_given_back_is_done_by_another():
    Worker.objects.update(max_concurrency=2)
    ids = submit("wait", payload={"seconds": 0.5}, count=8)
    with draining() as first:
        until(lambda: first.in_flight() == 2)
        first.leave(within_seconds=2)
    assert not drainage.all_are("completed", ids)

    with draining():
        until_all("completed", ids)

    assert set(Task.objects.values_list("attempts", "error_attempts", "crash_attempts")) == {(1, 0, 0)}


def test_a_drain_that_leaves_claims_nothing_more():
    Worker.objects.update(max_concurrency=1)
    with draining() as process:
        [last] = submit("wait", payload={"seconds": 0.5})
        until_all("in_progress", [last])
        waiting = submit(count=3)
        process.leave(within_seconds=20)

    assert drainage.all_are("completed", [last])
    assert drainage.all_are("pending", waiting)


def test_too_many_threads_stuck_in_tasks_that_are_over_make_it_leave(settings, exits):
    """A thread cannot be stopped: the process is replaced."""
    settings.JUGGERNAUT_SYNC_THREADS = 2
    release = threading.Event()

    def stuck(payload, context):
        release.wait(30)

    with task_type(stuck, name="stuck"), draining() as process:
        [task_id] = submit("stuck", timeout_seconds=1, max_attempts=1)
        until(lambda: not process.lives, what="a drain that left by itself")
        release.set()

    assert exits == [0]
    assert lives.fetch(task_id).error_message == "timed out after 1 s"
