"""Somebody's locks cost the process and the watchdog nothing but what is locked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.db import locks
from governance.models import Task, WorkerProcess
from governance.tasks import transitions
from reliability.engine import outcome_writer
from reliability.engine.outcome_writer import OutcomeBatch, OutcomeWriter
from reliability.models import Leadership
from reliability.watchdog import leadership, lease_grace, sweep
from tests.governance import lives
from tests.governance.lives import PROCESS, done, failing, fetch, held, make
from tests.governance.races import somebody_else

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
LEASE = timedelta(seconds=10)


@pytest.fixture
def psql(fleet):
    with somebody_else() as session, locks.wait_at_most(0.05):
        yield session


@pytest.fixture
def writer(monkeypatch):
    monkeypatch.setattr(outcome_writer, "LOCK_SECONDS", 0.05)
    return OutcomeWriter(process_id=PROCESS)


def turn(writer, reports=None, *, free=0):
    return writer._turn(reports or OutcomeBatch(), {"EXECUTOR": free}, False)


# ------------------------------------------------------------------------------------------ outcomes


@pytest.mark.parametrize("count", [2, outcome_writer.WORTH_SHARING])
def test_a_turn_records_what_is_free_claims_and_leaves_what_is_locked(psql, writer, count):
    tasks = [held() for _ in range(count)]
    due = make()
    psql.execute("SELECT FROM governance_tasks WHERE id = %s FOR UPDATE", [str(tasks[0].id)])

    claimed = turn(writer, OutcomeBatch(completed=[done(task) for task in tasks]), free=1)

    assert [task.id for task in claimed] == [due.pk]
    assert [report.id for report in writer.left.all()] == [tasks[0].id]
    assert {lives.status(task.id) for task in tasks[1:]} == {"completed"}
    psql.execute("ROLLBACK")
    turn(writer, writer.left)
    assert not len(writer.left)
    assert lives.status(tasks[0].id) == "completed"


@pytest.mark.parametrize("count", [2, outcome_writer.WORTH_SHARING])
def test_a_group_of_failures_that_is_locked_stops_no_other_outcome(psql, writer, count):
    lives.fail(held(task_type="one"))
    locked, free = held(task_type="one"), held(task_type="two")
    others = [held() for _ in range(count)]
    due = make()
    psql.execute("SELECT FROM failure_signatures FOR UPDATE")
    reports = OutcomeBatch(completed=[done(task) for task in others], failed=[failing(locked), failing(free)])

    claimed = turn(writer, reports, free=1)

    assert [task.id for task in claimed] == [due.pk]
    assert [report.id for report in writer.left.all()] == [locked.id]
    assert lives.status(free.id) == "failed"
    assert {lives.status(task.id) for task in others} == {"completed"}


def test_failures_are_not_tried_for_a_while_after_one_met_a_lock(psql, writer, monkeypatch):
    lives.fail(held(task_type="one"))
    locked, later = held(task_type="one"), held(task_type="one")
    psql.execute("SELECT FROM failure_signatures FOR UPDATE")
    turn(writer, OutcomeBatch(failed=[failing(locked)]))
    tried = []

    def fail(reports, **_):
        tried.extend(reports)
        return transitions.Recorded()

    monkeypatch.setattr(transitions, "fail", fail)

    turn(writer, OutcomeBatch(failed=[failing(later)]))

    assert tried == []
    assert [report.id for report in writer.left.failed] == [later.id]


# ---------------------------------------------------------------------------------------- the watchdog


def let_it_expire():
    Leadership.objects.update(expires_at=timezone.now() - LEASE)


def test_a_leader_whose_row_is_locked_goes_on_and_others_stand_by(psql):
    leadership.acquire("watchdog", owner="a", lease=LEASE)
    psql.execute("SELECT FROM leadership FOR UPDATE")

    assert leadership.acquire("watchdog", owner="a", lease=LEASE)
    assert not leadership.acquire("watchdog", owner="b", lease=LEASE)


def test_a_dead_leader_whose_row_is_locked_is_stood_in_for(psql):
    leadership.acquire("watchdog", owner="a", lease=LEASE)
    let_it_expire()
    psql.execute("SELECT FROM leadership FOR UPDATE")

    assert leadership.acquire("watchdog", owner="b", lease=LEASE)


def test_a_duty_that_meets_a_lock_stops_no_other_and_is_no_fault(psql, caplog):
    task = make()
    psql.execute("SELECT FROM governance_tasks FOR UPDATE")

    def meets_a_lock(now):
        Task.objects.filter(pk=task.pk).update(title="x")

    swept = sweep.run({"first": meets_a_lock, "second": lambda now: 1}, leader="a")

    assert swept.counts == {"second": 1}
    assert swept.error.startswith("first: ")
    assert "watchdog duty 'first' is left for the next sweep" in caplog.text
    assert "Traceback" not in caplog.text


def test_tasks_and_their_process_locked_together_are_no_crash_in_any_later_sweep(psql, monkeypatch):
    monkeypatch.setattr(sweep, "_locked_lately", set())
    WorkerProcess.objects.create(
        process_id=PROCESS, worker_ids=["EXECUTOR"], host="h", machine="m", pid=1, version="1",
        last_seen=lives.ago(30),
    )  # fmt: skip
    task = held()
    transitions.renew({task.id: task.token}, lease=timedelta(seconds=-1))
    psql.execute("UPDATE governance_tasks SET title = 'x'; UPDATE worker_processes SET host = 'x'")
    now = lease_grace.database_time()

    assert sweep.rescue_crashed(now) == 0
    psql.execute("COMMIT")
    assert sweep.rescue_crashed(now) == 0

    assert transitions.renew({task.id: task.token}) == set()
    assert (fetch(task.id).crash_attempts, fetch(task.id).title) == (0, "x")
