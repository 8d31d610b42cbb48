"""What operators type into psql: rows inserted by hand, states changed by hand, and what is refused."""

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from governance.models import TaskEvent
from governance.tasks import transitions
from tests.governance import lives
from tests.governance.lives import PROCESS, events, fetch, held
from tests.governance.parking import parked

RUNBOOK = (
    "UPDATE governance_tasks SET status = 'failed', updated_at = NOW(),"
    " error_message = 'Terminated due to excessive runtime' WHERE id = '{id}'"
)


def sql(statement, *parameters):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def insert(columns="task_type", values="'noop'"):
    [(task_id,)] = sql(f"INSERT INTO governance_tasks ({columns}) VALUES ({values}) RETURNING id")
    return task_id


def set_status(task_id, status, also=""):
    return sql(f"UPDATE governance_tasks SET status = %s{also} WHERE id = %s", status, task_id)


def me():
    [(name,)] = sql("SELECT 'sql:' || current_user")
    return name


@pytest.mark.django_db
class TestARowInsertedByHand:
    def test_needs_nothing_but_its_type(self):
        task = fetch(insert())

        assert (task.status, task.assigned_worker, task.payload) == ("pending", "EXECUTOR", {})
        assert (task.priority, task.max_attempts, task.timeout_seconds, task.attempts) == (0, 3, 300, 0)
        assert task.created_by == me()
        assert task.pk.version == 7

    def test_has_its_first_event(self):
        task_id = insert()

        [event] = events(task_id)
        assert (event.seq, event.from_status, event.to_status, event.actor) == (0, "", "pending", me())

    def test_is_claimed_like_any_other(self):
        task_id = insert("task_type, run_after", "'noop', now()")

        assert [task.id for task in lives.claim()] == [task_id]

    def test_may_be_parked_if_it_says_why(self):
        task_id = insert("task_type, status, waiting_for", "'noop', 'parked', 'the new price list'")

        assert events(task_id)[0].reason == "the new price list"

    def test_comes_in_an_order_that_follows_time(self):
        ids = [insert() for _ in range(20)]

        assert len(set(ids)) == 20
        assert ids[0].int >> 80 <= ids[-1].int >> 80

    @pytest.mark.parametrize(
        ("columns", "values", "constraint"),
        [
            ("task_type, status", "'noop', 'done'", "task_status_known"),
            ("task_type, status", "'noop', 'in_progress'", "task_lease_while_in_progress"),
            ("task_type, status", "'noop', 'completed'", "task_completed_at_when_ended"),
            ("task_type, status", "'noop', 'parked'", "task_parked_says_why"),
            ("task_type, priority", "'noop', 101", "task_priority_range"),
            ("task_type, priority", "'noop', -1", "task_priority_range"),
            ("task_type, max_attempts", "'noop', 0", "task_max_attempts_positive"),
            ("task_type, timeout_seconds", "'noop', 0", "task_timeout_positive"),
            ("task_type, attempts, error_attempts", "'noop', 1, 2", "task_attempts_add_up"),
            ("task_type, max_cost_usd", "'noop', -0.01", "task_max_cost_positive"),
            ("task_type, lease_owner", "'noop', gen_random_uuid()", "task_lease_while_in_progress"),
            ("task_type, completed_at", "'noop', now()", "task_completed_at_when_ended"),
            ("task_type, wait", "'noop', '{}'", "task_wait_"),
            *(
                (
                    "task_type, status, waiting_for, wait",
                    f"'noop', 'parked', 'x', '{wait}'",
                    "task_wait_sound",
                )
                for wait in (
                    "{}",
                    "null",
                    '{"kind": "weather", "name": "x", "sentence": "x"}',
                    '{"kind": "pause", "name": "", "sentence": "x"}',
                    '{"kind": "pause", "name": "x"}',
                    '{"kind": "approval", "name": "01900000-0000-7000-8000-000000000000", "sentence": "x"}',
                    '{"kind": "pause", "name": "x", "sentence": "x", "until": "2026-01-01 00:00:00"}',
                    '{"kind": "budget", "name": "x", "sentence": "x", "amount_usd": "-1"}',
                    '{"kind": "budget", "name": "x", "sentence": "x", "amount_usd": "NaN"}',
                )
            ),
        ],
    )
    def test_is_refused_when_it_could_not_be_true(self, columns, values, constraint):
        with pytest.raises(IntegrityError, match=constraint):
            insert(columns, values)

    def test_is_refused_without_a_type(self):
        with pytest.raises(IntegrityError, match="task_type"):
            insert("title", "'no type'")


@pytest.mark.django_db
class TestAStateChangedByHand:
    def test_the_runbooks_terminate_ends_a_running_task_for_good(self):
        task = held()

        assert sql(RUNBOOK.format(id=task.id)) == 1

        row = fetch(task.id)
        assert (row.status, row.lease_owner, row.lease_expires_at) == ("failed", None, None)
        assert row.completed_at
        event = events(task.id)[-1]
        assert (event.from_status, event.to_status, event.actor) == ("in_progress", "failed", me())
        assert event.reason == "Terminated due to excessive runtime"
        assert not lives.complete(task, b'{"n": 1}')
        assert fetch(task.id).result is None
        lives.assert_sound(task.id)

    @pytest.mark.parametrize("state", [state for state in lives.STATES if state != "failed"])
    def test_the_runbooks_terminate_works_from_every_state(self, state):
        task_id = lives.in_state(state)

        sql(RUNBOOK.format(id=task_id))

        assert lives.status(task_id) == "failed"
        lives.assert_sound(task_id)

    @pytest.mark.parametrize("state", lives.STATES)
    @pytest.mark.parametrize("to", [state for state in lives.STATES if state != "in_progress"])
    def test_every_state_but_in_progress_can_be_set_and_is_completed_to_a_whole_transition(self, state, to):
        task_id = lives.in_state(state)
        before = len(events(task_id))

        set_status(task_id, to)

        row = fetch(task_id)
        assert row.status == to
        assert len(events(task_id)) == before + (state != to)
        assert bool(row.completed_at) == (to in lives.ENDED)
        assert bool(row.waiting_for) == (to == "parked" or (to == "waiting_approval" and state != to))
        assert (row.lease_owner is None) == (to != "in_progress")
        lives.assert_sound(task_id)

    @pytest.mark.parametrize("state", [state for state in lives.STATES if state != "in_progress"])
    def test_nobody_can_claim_by_hand(self, state):
        task_id = lives.in_state(state)

        with pytest.raises(IntegrityError, match="task_lease_while_in_progress"):
            set_status(task_id, "in_progress")

        lives.assert_sound(task_id)

    def test_a_state_that_does_not_exist_is_refused(self):
        task_id = lives.in_state("pending")

        with pytest.raises(IntegrityError, match="task_status_known"):
            set_status(task_id, "paused")

    def test_an_ended_task_set_to_pending_has_fresh_attempts_and_runs_again(self):
        task_id = lives.crashed(2)
        [task] = lives.claim_suspect()
        lives.fail(task)

        set_status(task_id, "pending")

        row = fetch(task_id)
        assert (row.error_attempts, row.crash_attempts, row.attempts) == (0, 0, 3)
        assert [task.id for task in lives.claim()] == [task_id]

    def test_a_running_task_set_to_pending_keeps_its_count_and_refuses_its_former_worker(self):
        task = held()

        set_status(task.id, "pending")

        assert fetch(task.id).attempts == 1
        assert not lives.complete(task)
        [again] = lives.claim()
        assert again.attempt == 2
        assert again.token > task.token

    def test_a_parked_task_says_who_parked_it_unless_told(self):
        silent, told = lives.in_state("pending"), lives.in_state("pending")

        set_status(silent, "parked")
        set_status(told, "parked", ", waiting_for = 'the auditor'")

        assert fetch(silent).waiting_for == "an operator (parked in SQL)"
        assert fetch(told).waiting_for == "the auditor"

    @pytest.mark.parametrize("to", ["pending", "failed", "cancelled", "waiting_approval", "parked"])
    @pytest.mark.parametrize("kind", ["pause", "approval"])
    def test_a_wait_ends_with_the_state_that_it_belongs_to(self, kind, to):
        task_id = parked(kind, str(lives.NOBODY))
        was = lives.status(task_id)

        set_status(task_id, to)

        row = fetch(task_id)
        if was == to:
            assert (row.wait or {})["kind"] == kind
        else:
            assert row.wait is None
            expected = "an operator" if to in {"parked", "waiting_approval"} else ""
            assert row.waiting_for.startswith(expected)
            assert bool(row.waiting_for) == bool(expected)
        lives.assert_sound(task_id)

    def test_a_task_may_be_parked_by_hand_for_what_the_sweep_will_end(self):
        task_id = lives.in_state("pending")
        wait = (
            '{"kind": "rate_limit", "name": "a", "sentence": "too fast", "until": "2026-01-01 00:00:00+00"}'
        )

        sql("UPDATE governance_tasks SET status = 'parked', wait = %s WHERE id = %s", wait, task_id)

        assert fetch(task_id).waiting_for == "too fast"
        assert [task.id for task in transitions.release_expired_waits()] == [task_id]

    def test_a_whole_set_is_changed_each_with_its_event(self):
        ids = [lives.in_state("pending") for _ in range(5)]

        sql("UPDATE governance_tasks SET status = 'cancelled' WHERE status = 'pending'")

        for task_id in ids:
            assert lives.path(task_id) == ["pending", "cancelled"]

    def test_setting_the_state_that_it_has_is_no_transition(self):
        task_id = lives.in_state("pending")

        set_status(task_id, "pending")

        assert lives.path(task_id) == ["pending"]

    @pytest.mark.parametrize(
        "change",
        ["lease_owner = NULL", "lease_expires_at = NULL", "completed_at = now()", "error_attempts = 9"],
    )
    def test_what_would_contradict_the_state_is_refused(self, change):
        task = held()

        with pytest.raises(IntegrityError):
            sql(f"UPDATE governance_tasks SET {change} WHERE id = %s", task.id)

    def test_the_machines_own_edges_are_not_taken_for_an_edit(self):
        task = held()
        lives.complete(task)

        assert [event.actor for event in events(task.id)] == [me(), "EXECUTOR", "EXECUTOR"]

    def test_an_edit_between_two_edges_leaves_the_history_whole(self):
        task = held()
        set_status(task.id, "pending")
        [task] = lives.claim()
        transitions.retry_later([lives.failing(task)], process_id=PROCESS)
        set_status(task.id, "cancelled")
        transitions.retry([task.id], actor="ann", reason="again")

        lives.assert_sound(task.id)
        assert len(events(task.id)) == 7


@pytest.mark.django_db
def test_history_is_not_rewritten():
    task = held()

    with pytest.raises(DatabaseError, match="task_events is append-only: UPDATE is refused"):
        sql("UPDATE task_events SET actor = 'somebody else' WHERE task_id = %s", task.id)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        TaskEvent.objects.filter(task_id=task.id).update(reason="nothing happened")


@pytest.fixture
def rings(transactional_db, fleet):
    """Hears the notification on a connection of its own: call it for what rang since."""
    listener = psycopg2.connect(**connection.get_connection_params())
    listener.autocommit = True
    listener.cursor().execute("LISTEN juggernaut_work")

    def heard():
        listener.cursor().execute("SELECT 1")  # whatever was sent before comes with its answer
        payloads = [notify.payload for notify in listener.notifies]
        listener.notifies.clear()
        return payloads

    yield heard
    listener.close()


def test_a_row_inserted_by_hand_rings_for_its_worker(rings):
    insert()
    insert("task_type, assigned_worker", "'noop', 'ANALYST'")

    assert rings() == ["EXECUTOR", "ANALYST"]


def test_many_rows_in_one_statement_ring_once_for_each_worker(rings):
    sql(
        "INSERT INTO governance_tasks (task_type, assigned_worker)"
        " SELECT 'noop', CASE n % 2 WHEN 0 THEN 'EXECUTOR' ELSE 'ANALYST' END FROM generate_series(1, 50) n"
    )

    assert sorted(rings()) == ["ANALYST", "EXECUTOR"]


def test_the_applications_own_rows_are_rung_for_by_the_application(rings):
    insert("task_type, created_by", "'noop', 'user:ann'")

    assert rings() == []


@pytest.mark.parametrize("to", ["failed", "cancelled", "pending", "parked"])
def test_taking_a_running_task_away_tells_its_worker_to_stop(rings, to):
    task = held()
    rings()

    set_status(task.id, to)

    assert rings() == ["stop"]


def test_setting_a_task_to_pending_rings_for_its_worker(rings):
    task_id = lives.in_state("cancelled")
    rings()

    set_status(task_id, "pending")

    assert rings() == ["EXECUTOR"]


def test_claims_and_results_ring_for_nobody(rings):
    task = held(created_by="user:ann")
    lives.complete(task)

    assert rings() == []
