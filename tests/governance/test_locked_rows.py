"""Somebody holds locks in psql: what is free moves at once, what is locked is left and lost by nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from governance import budgets
from governance.access import approvals, permissions, tool_executions
from governance.db import errors as db_errors
from governance.db import locks
from governance.models import Approval, BudgetHold, LateResult, Task, WorkerProcess
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from governance.tasks.waits import Wait, WaitKind, for_lock
from governance.workers import heartbeats
from tests.governance import lives
from tests.governance.budgets import allow, reserve
from tests.governance.lives import OTHER_PROCESS, PROCESS, done, failing, fetch, held
from tests.governance.races import somebody_else

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fleet"),
    pytest.mark.slow,
]
RAN_OUT = timedelta(seconds=-1)
LOCK_TASK = "SELECT FROM governance_tasks WHERE id = %s FOR UPDATE"


@pytest.fixture
def psql():
    """A session in a transaction; whoever waits for it fails instead of hanging."""
    with somebody_else() as session, locks.wait_at_most(0.05):
        yield session


def lock(psql, *tasks):
    for task in tasks:
        psql.execute(LOCK_TASK, [str(task.id)])


def living(process=PROCESS, **columns):
    return WorkerProcess.objects.create(
        process_id=process, worker_ids=["EXECUTOR"], host="h", machine="m", pid=1, version="1", **columns
    )


def run_out(*tasks):
    transitions.renew({task.id: task.token for task in tasks}, lease=RAN_OUT)


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else cursor.rowcount


# ---------------------------------------------------------------------------------- the limit itself


def test_a_statement_gives_up_and_its_connection_stays_good(psql):
    lock(psql, task := held())

    with pytest.raises(OperationalError) as caught:
        sql(LOCK_TASK, str(task.id))

    assert locks.is_timeout(caught.value)
    assert not db_errors.is_connection_failure(caught.value)
    assert sql("SELECT 1") == [(1,)]


def test_other_errors_are_no_timeouts_of_locks():
    with pytest.raises(OperationalError) as caught:
        sql("SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)")

    assert not locks.is_timeout(caught.value)


def test_nothing_is_left_behind_on_the_session():
    with locks.wait_at_most(0.05):
        assert sql("SELECT current_setting('lock_timeout')") == [("50ms",)]

    assert sql("SELECT current_setting('lock_timeout')") == [("0",)]


def test_a_process_has_a_limit_of_its_own_and_a_block_another(monkeypatch):
    monkeypatch.setattr(locks, "_of_process", None)
    locks.begin(3)

    assert sql("SELECT current_setting('lock_timeout')") == [("3s",)]
    with locks.wait_at_most(0.5):
        assert sql("  SELECT current_setting('lock_timeout')") == [("500ms",)]


def test_a_savepoint_is_undone_after_a_timeout(psql):
    lock(psql, task := held())

    with transaction.atomic():
        with pytest.raises(OperationalError), transaction.atomic():
            sql(LOCK_TASK, str(task.id))
        assert sql("SELECT 1") == [(1,)]


def test_rows_of_a_cursor_on_the_server_are_read_under_a_limit_too():
    held()

    with locks.wait_at_most(1), transaction.atomic():
        assert len(list(Task.objects.iterator(chunk_size=1))) == 1


# ------------------------------------------------------------------------------------------ renewals


def expiry(task):
    found = fetch(task.id).lease_expires_at
    assert found
    return found


def test_a_renewal_extends_what_is_free_and_loses_nothing(psql):
    locked, free = held(), held()
    run_out(locked, free)
    lock(psql, locked)

    assert transitions.renew({locked.id: locked.token, free.id: free.token}) == set()

    assert expiry(free) > timezone.now()
    assert expiry(locked) < timezone.now()
    psql.execute("ROLLBACK")
    assert transitions.renew({locked.id: locked.token}) == set()
    assert expiry(locked) > timezone.now()


def test_what_somebody_ends_is_lost_when_he_commits(psql):
    task = held()
    psql.execute("UPDATE governance_tasks SET status = 'failed' WHERE id = %s", [str(task.id)])

    assert transitions.renew({task.id: task.token}) == set()
    psql.execute("COMMIT")
    assert transitions.renew({task.id: task.token}) == {task.id}


# ------------------------------------------------------------------------------------------- reports


def parked(task):
    return AttemptReport(task.id, task.token, wait=Wait(kind=WaitKind.PAUSE, name="FLEET", sentence="paused"))


EDGES: dict[str, tuple[Any, str]] = {
    "complete": (done, "completed"),
    "retry_later": (failing, "pending"),
    "fail": (failing, "failed"),
    "give_back": (lambda task: AttemptReport(task.id, task.token), "pending"),
    "park": (parked, "parked"),
}


@pytest.mark.parametrize("name", EDGES)
def test_a_report_on_many_moves_the_free_ones_and_names_the_locked(psql, name):
    report, becomes = EDGES[name]
    edge = getattr(transitions, name)
    locked, free = held(), held()
    lock(psql, locked)

    recorded = edge([report(locked), report(free)], process_id=PROCESS)

    assert (recorded, recorded.locked) == ({free.id}, {locked.id})
    assert (lives.status(free.id), lives.status(locked.id)) == (becomes, "in_progress")
    assert not LateResult.objects.exists()
    psql.execute("ROLLBACK")
    assert edge([report(locked)], process_id=PROCESS) == {locked.id}


def test_a_report_on_what_was_lost_is_neither_moved_nor_locked(psql):
    task = held()
    psql.execute("UPDATE governance_tasks SET status = 'failed' WHERE id = %s", [str(task.id)])
    psql.execute("COMMIT")

    recorded = transitions.complete([done(task)], process_id=PROCESS)

    assert (recorded, recorded.locked) == (set(), frozenset())
    assert LateResult.objects.get().found_status == "failed"


# -------------------------------------------------------------------------------- leases that ran out


def test_a_lease_that_ran_out_under_a_lock_is_no_crash_and_goes_on(psql):
    living()
    run_out(task := held())
    lock(psql, task)
    assert (transitions.extend_unrenewed(), transitions.rescue()) == (0, [])
    psql.execute("ROLLBACK")

    assert (transitions.rescue(), transitions.extend_unrenewed()) == ([], 1)

    assert transitions.renew({task.id: task.token}) == set()
    assert transitions.complete([done(task)], process_id=PROCESS) == {task.id}
    assert fetch(task.id).crash_attempts == 0


def test_a_lease_that_is_not_renewed_after_that_is_taken_back_and_counts_nothing():
    living()
    run_out(task := held())
    transitions.extend_unrenewed()
    assert transitions.take_back() == []
    sql("UPDATE governance_tasks SET lease_expires_at = now() - interval '1 ms',"
        " updated_at = now() - interval '1 hour'")  # fmt: skip

    assert (transitions.rescue(), transitions.extend_unrenewed()) == ([], 0)
    [moved] = transitions.take_back()

    row = fetch(task.id)
    assert (moved.id, moved.status) == (task.id, "pending")
    assert (row.attempts, row.crash_attempts) == (0, 0)
    lives.assert_sound(task.id)


def test_a_process_that_fell_silent_is_taken_for_dead():
    living(last_seen=lives.ago(9))
    run_out(task := held())

    assert (transitions.extend_unrenewed(), transitions.take_back()) == (0, [])
    assert [moved.id for moved in transitions.rescue()] == [task.id]
    assert fetch(task.id).crash_attempts == 1


def test_a_process_whose_row_is_locked_may_be_silent_and_live(psql):
    living(last_seen=lives.ago(30))
    living(OTHER_PROCESS, last_seen=lives.ago(30))
    run_out(task := held())
    run_out(dead := held(OTHER_PROCESS))
    psql.execute("SELECT FROM worker_processes WHERE process_id = %s FOR UPDATE", [str(PROCESS)])

    unsure = heartbeats.locked_processes()

    assert unsure == {PROCESS}
    assert [moved.id for moved in transitions.rescue(unsure=[*unsure])] == [dead.id]
    assert transitions.extend_unrenewed(unsure=[*unsure]) == 1
    assert fetch(task.id).crash_attempts == 0


def test_a_group_of_failures_that_is_locked_keeps_its_own_tasks_alone(psql):
    for kind in ("one", "two"):
        lives.fail(held(task_type=kind), "killed its worker process 3 times")
    task_ids = {}
    for kind in ("one", "two"):
        task_ids[kind] = (task := held(task_type=kind)).id
        sql("UPDATE governance_tasks SET attempts = 3, crash_attempts = 2 WHERE id = %s", str(task.id))
        run_out(task)
    run_out(first := held(task_type="one"))
    sql("UPDATE failure_signatures SET error_class = error_class")
    psql.execute("SELECT FROM failure_signatures WHERE task_type = 'one' FOR UPDATE")
    crash = "killed its worker process 3 times"
    assert Task.objects.filter(error_message=crash).count() == 2

    moved = {task.id: task.status for task in transitions.rescue()}

    assert moved == {first.id: "pending", task_ids["two"]: "failed"}
    assert lives.status(task_ids["one"]) == "in_progress"
    psql.execute("ROLLBACK")
    assert [task.id for task in transitions.rescue()] == [task_ids["one"]]


# ------------------------------------------------------------------------------------ processes, duties


def sign(process=PROCESS):
    return heartbeats.ProcessHeartbeat(
        process_id=process, worker_ids=["EXECUTOR"], host="h", machine="m", pid=1, born_at=timezone.now(),
        state="running", in_flight=3, finished=0, rss_bytes=1, version="1",
    )  # fmt: skip


def test_a_heartbeat_leaves_its_locked_row_and_moves_it_later(psql):
    living(last_seen=lives.ago(30))
    psql.execute("SELECT FROM worker_processes FOR UPDATE")

    heartbeats.record_heartbeat(sign())
    assert WorkerProcess.objects.get().in_flight == 0
    psql.execute("ROLLBACK")
    heartbeats.record_heartbeat(sign())

    assert WorkerProcess.objects.get().in_flight == 3
    assert WorkerProcess.objects.get().last_seen > lives.ago(5)


def test_a_process_that_was_forgotten_comes_back():
    heartbeats.record_heartbeat(sign())

    assert WorkerProcess.objects.get().process_id == PROCESS


def test_locked_rows_of_processes_are_forgotten_later(psql):
    for process in (PROCESS, OTHER_PROCESS):
        living(process, last_seen=lives.ago(120))
    psql.execute("SELECT FROM worker_processes WHERE process_id = %s FOR UPDATE", [str(PROCESS)])

    assert heartbeats.forget_silent_processes() == 1
    assert heartbeats.forget([PROCESS]) == 0
    psql.execute("ROLLBACK")
    assert heartbeats.forget([PROCESS]) == 1


def approval(name):
    return Approval.objects.create(
        digest=name, worker_id="EXECUTOR", tool_name=name, arguments={}, expires_at=lives.ago(60)
    )


def test_locked_approvals_expire_later(psql):
    locked, free = approval("a"), approval("b")
    psql.execute("SELECT FROM approvals WHERE id = %s FOR UPDATE", [str(locked.pk)])

    assert approvals.expire(timezone.now()) == 1
    assert Approval.objects.get(pk=free.pk).status == "expired"
    psql.execute("ROLLBACK")
    assert approvals.expire(timezone.now()) == 1


def test_locked_calls_and_counts_of_quotas_are_given_up_later(psql):
    calls = [
        tool_executions.begin(
            tool_executions.Call(worker_id="EXECUTOR", tool_name=f"t{n}", arguments={}),
            rule="",
            within=timedelta(seconds=1),
        )
        for n in range(2)
    ]
    later = timezone.now() + timedelta(days=30)
    sql("INSERT INTO worker_tool_permission_uses (worker_id, tool_name, span, starts_at, calls)"
        " SELECT 'EXECUTOR', t, 'day', '2020-01-01', 1 FROM unnest('{a,b}'::text[]) t")  # fmt: skip
    psql.execute("SELECT FROM tool_executions WHERE id = %s FOR UPDATE", [str(calls[0])])
    psql.execute("SELECT FROM worker_tool_permission_uses WHERE tool_name = 'a' FOR UPDATE")

    assert (tool_executions.give_up_lost(later), permissions.forget_uses(timezone.now())) == (1, 1)
    psql.execute("ROLLBACK")
    assert (tool_executions.give_up_lost(later), permissions.forget_uses(timezone.now())) == (1, 1)


def test_a_hold_whose_window_is_locked_expires_later_and_the_others_at_once(psql):
    allow("ANALYST", daily_limit="10")
    allow("EXECUTOR", daily_limit="10")
    locked = [reserve("1", seconds=-2).id for _ in range(3)]
    free = [reserve("1", worker_id="EXECUTOR", seconds=-1).id for _ in range(2)]
    psql.execute("SELECT FROM budget_windows WHERE scope = 'ANALYST' FOR UPDATE")

    assert budgets.expire_holds() == 2
    assert states(free) == {"expired"}
    assert states(locked) == {"open"}
    psql.execute("ROLLBACK")
    assert budgets.expire_holds() == 3


def states(hold_ids):
    return set(BudgetHold.objects.filter(pk__in=hold_ids).values_list("state", flat=True))


def test_a_task_that_waits_for_a_lock_goes_on_when_its_time_has_come():
    task = held()
    wait = for_lock("budget", "the budget gate is unavailable")
    transitions.park([AttemptReport(task.id, task.token, wait=wait)], process_id=PROCESS)
    row = fetch(task.id)
    assert (row.status, row.waiting_for, row.attempts) == ("parked", "lock on budget", 0)
    assert transitions.release_expired_waits() == []
    sql("""UPDATE governance_tasks SET wait = wait || '{"until": "2020-01-01T00:00:00Z"}'""")

    assert [moved.id for moved in transitions.release_expired_waits()] == [task.id]
