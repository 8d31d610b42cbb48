"""A worker loop at work: what is submitted gets done, once, by whoever is there."""

import asyncio
from importlib import import_module

import pytest
from django.db import connection

from governance.models import LateResult, Task, Worker, WorkerProcess
from governance.tasks import transitions
from governance.tasks.waits import Wait, WaitKind
from reliability.engine import attempt
from reliability.failures import Postponed
from tests.governance import lives
from tests.polling import until
from tests.reliability.engine import drainage
from tests.reliability.engine.attempts import task_type
from tests.reliability.engine.drainage import draining, sql, submit, until_all

# The package names the function like the module.
DRAIN = import_module("reliability.engine.worker_loop")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fleet"), pytest.mark.slow]


def assert_done_once(ids):
    for task_id in ids:
        lives.assert_sound(task_id)
        assert lives.path(task_id) == ["pending", "in_progress", "completed"]


def test_async_and_plain_tasks_of_all_its_workers_are_done():
    ids = submit(count=20) + submit("noop_plain", count=20) + submit(assigned_worker="ANALYST")

    with draining():
        until_all("completed", ids)

    assert_done_once(ids)
    assert lives.fetch(ids[0]).result == {"done": True}


def test_two_drains_share_the_work_and_do_each_task_once():
    Worker.objects.update(max_concurrency=5)
    ids = submit("wait", payload={"seconds": 0.02}, count=150)

    with draining() as first, draining() as second:
        until_all("completed", ids)

    assert_done_once(ids)
    owners = {event.process_id for task_id in ids for event in lives.events(task_id)[1:]}
    assert owners == {first.process_id, second.process_id}


def test_the_doorbell_wakes_it(monkeypatch):
    monkeypatch.setattr(DRAIN, "POLL_SECONDS", 3600)

    with draining():
        ids = submit(count=3)
        until_all("completed", ids)


def test_a_lost_ring_costs_a_delay_and_nothing_else():
    with draining():
        ids = submit(created_by="api", count=3)
        until_all("completed", ids)


def test_what_becomes_due_later_is_done_later():
    with draining():
        ids = submit(run_after=lives.ago(-1.5))
        until_all("completed", ids)

    task = lives.fetch(ids[0])
    assert task.started_at
    assert task.started_at >= task.run_after


def test_a_listener_whose_connection_was_cut_listens_again():
    with draining() as process:
        [listener] = drainage.backends("LISTEN juggernaut_work")
        sql("SELECT pg_terminate_backend(%s)", listener)
        until(lambda: [pid for pid in drainage.backends("LISTEN juggernaut_work") if pid != listener])
        until_all("completed", submit(count=3))

        assert process.is_listening


def test_nothing_is_lost_when_the_connection_of_the_clerk_is_cut():
    Worker.objects.update(max_concurrency=10)
    ids = submit("wait", payload={"seconds": 0.05}, count=100)

    with draining():
        until(lambda: Task.objects.filter(status="completed").exists())
        for _ in range(2):
            until(lambda: drainage.terminate_backends("EXECUTE juggernaut_wake_after"))
        until_all("completed", ids, timeout=40)

    for task_id in ids:
        lives.assert_sound(task_id)
        assert lives.path(task_id).count("completed") == 1


def test_what_it_claimed_without_hearing_of_it_goes_back_and_counts_no_crash():
    [running] = submit("wait", payload={"seconds": 600})
    with draining("EXECUTOR") as process:
        until_all("in_progress", [running])
        [unheard] = submit(assigned_worker="ANALYST")
        transitions.claim(process_id=process.process_id, free={"ANALYST": 1})

        drainage.terminate_backends("EXECUTE juggernaut_claim")

        until_all("pending", [unheard])
        assert lives.status(running) == "in_progress"
    task = lives.fetch(unheard)
    assert (task.attempts, task.crash_attempts) == (0, 0)
    lives.assert_sound(unheard)


def test_no_more_run_at_a_time_than_the_worker_may():
    Worker.objects.filter(pk="EXECUTOR").update(max_concurrency=3)
    running, most = [0], [0]

    async def count(payload, context):
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.02)
        running[0] -= 1

    with task_type(count, name="count"):
        ids = submit("count", count=30)
        with draining():
            until_all("completed", ids)

    assert most[0] == 3


def test_a_concurrency_changed_in_sql_takes_effect_without_a_restart():
    sql("UPDATE worker_registry SET max_concurrency = 1")
    with draining() as process:
        ids = submit("wait", payload={"seconds": 60}, count=4)
        until(lambda: Task.objects.filter(status="in_progress").count() == 1)
        sql("UPDATE worker_registry SET max_concurrency = 4")

        until_all("in_progress", ids)
        assert process.in_flight() == 4


def test_a_paused_worker_goes_on_with_what_it_runs_and_gets_nothing_new():
    with draining():
        [running] = submit("wait", payload={"seconds": 0.3})
        until_all("in_progress", [running])
        sql("UPDATE worker_registry SET status = 'paused'")
        waiting, other = submit(), submit(assigned_worker="STRATEGIST")
        until_all("completed", [running])

        assert drainage.all_are("pending", [*waiting, *other])
        sql("UPDATE worker_registry SET status = 'active'")
        until_all("completed", waiting)


def test_a_failing_task_ends_as_its_failure_says():
    with draining():
        [permanent] = submit("misbehave", payload={"how": "permanent"})
        [transient] = submit("misbehave", payload={"how": "transient"})
        [last] = submit("misbehave", payload={"how": "transient"}, max_attempts=1)
        [unknown] = submit("divination")
        until_all("failed", [permanent, last, unknown])
        until(lambda: lives.fetch(transient).error_attempts >= 1)

    assert lives.fetch(permanent).error_message == "it was told to fail for good"
    assert lives.fetch(last).error_message == "connection reset by peer"
    assert lives.fetch(unknown).error_message.startswith("unknown task type 'divination'")
    assert lives.path(transient)[:3] == ["pending", "in_progress", "pending"]


def test_an_outcome_that_postgresql_refuses_fails_its_own_task_only(monkeypatch):
    monkeypatch.setattr(attempt, "encode", lambda answer: answer)

    async def poison(payload, context):
        return payload.text.encode()

    with task_type(poison, name="poison"):
        bad = submit("poison", payload={"text": "NaN"}, count=2)
        good = submit("poison", payload={"text": "1"}, count=30)
        with draining():
            until_all("completed", good)
            until_all("failed", bad)

    assert lives.fetch(bad[0]).error_message.startswith("its outcome could not be stored: ")
    assert_done_once(good)


def test_a_dependent_is_done_after_what_it_depends_on():
    with draining():
        [first] = submit("wait", payload={"seconds": 0.1})
        second = lives.after(first)
        until_all("completed", [second])

    started, ended = lives.fetch(second).started_at, lives.fetch(first).completed_at
    assert started
    assert ended
    assert started > ended


def test_suspects_are_run_one_at_a_time():
    Worker.objects.update(max_concurrency=5)
    ids = [lives.crashed(2, task_type="wait", payload={"seconds": 0.1}) for _ in range(3)]

    with draining():
        until_all("completed", ids)

    rows = Task.objects.filter(pk__in=ids).order_by("started_at")
    moments = [moment for row in rows for moment in (row.started_at, row.completed_at) if moment]
    assert moments == sorted(moments)


def test_a_suspect_does_not_wait_for_ever_behind_work_that_never_ends():
    Worker.objects.update(max_concurrency=1)
    with draining():
        crowd = submit("wait", payload={"seconds": 0.2}, count=40, priority=100)
        [suspect] = [lives.crashed(2)]
        until_all("completed", [suspect])

        assert not drainage.all_are("completed", crowd)


def test_a_suspect_that_finds_no_place_is_left_for_others():
    Worker.objects.update(max_concurrency=1)
    with draining() as process:
        [running] = submit("wait", payload={"seconds": 60}, assigned_worker="EXECUTOR")
        until_all("in_progress", [running])
        suspect = lives.crashed(2)
        until(lambda: process.drain._seek_suspects_at)
        until_all("completed", submit(assigned_worker="ANALYST", count=1))

        assert drainage.all_are("in_progress", [running])
        assert lives.status(suspect) == "pending"


def test_it_is_known_while_it_lives_and_forgotten_when_it_has_left():
    with draining() as process:
        row = WorkerProcess.objects.get(pk=process.process_id)
        assert (row.worker_ids, row.state) == (list(drainage.WORKERS), "running")
        assert Worker.objects.get(pk="EXECUTOR").last_heartbeat

    assert not WorkerProcess.objects.exists()
    assert not LateResult.objects.exists()


def test_an_idle_drain_leaves_no_transaction_open():
    with draining():
        until_all("completed", submit(count=3))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE state = 'idle in transaction' AND datname = current_database()"
            )
            assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "plain"])
def test_a_task_that_must_wait_is_parked_goes_on_when_released_and_counts_one_attempt(is_async):
    wait = Wait(kind=WaitKind.PAUSE, name="EXECUTOR", sentence="EXECUTOR is paused")
    is_paused = [True, True, False]

    def plain(payload, context):
        if is_paused.pop(0):
            raise Postponed(wait)
        return {"attempt": context.attempt}

    async def awaited(payload, context):
        return plain(payload, context)

    with task_type(awaited if is_async else plain, name="waits"), draining():
        [task_id] = submit("waits")
        for _ in range(2):
            until_all("parked", [task_id])
            assert lives.fetch(task_id).waiting_for == "pause of EXECUTOR"
            transitions.release_unpaused()
        until_all("completed", [task_id])

    row = lives.fetch(task_id)
    assert (row.attempts, row.error_attempts, row.result, row.wait) == (1, 0, {"attempt": 1}, None)
    lives.assert_sound(task_id)


def test_parked_tasks_of_one_batch_share_a_statement_with_what_was_completed():
    wait = Wait(kind=WaitKind.BREAKER, name="openrouter", sentence="openrouter is open")

    async def every_other(payload, context):
        if payload.number % 2:
            raise Postponed(wait)

    with task_type(every_other, name="every other"), draining():
        ids = [submit("every other", payload={"number": number})[0] for number in range(60)]
        until_all("completed", ids[::2])
        until_all("parked", ids[1::2])
