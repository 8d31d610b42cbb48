"""A letter follows its task through whichever interface the task is moved, and a task lets go of a resolved
letter."""

import pytest
from django.db import connection

from governance.models import DeadLetter, Task
from governance.tasks import transitions
from tests.governance import letters, lives
from tests.governance.lives import PROCESS

pytestmark = pytest.mark.django_db


def sql_user():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'sql:' || current_user")
        return cursor.fetchone()[0]


def set_status(task_id, status):
    letters.sql("UPDATE governance_tasks SET status = %s WHERE id = %s", status, task_id)


def test_a_retried_task_takes_its_letter_along():
    letter = letters.failed()

    transitions.retry([letter.task_id], actor="ann", reason="the scale was repaired")

    letter = letters.fresh(letter)
    assert (letter.status, letter.retries, letter.retried_by) == ("retrying", 1, "ann")
    assert letter.retried_at
    assert lives.fetch(letter.task_id).dead_letter_id == letter.pk
    assert letters.counts(letter) == (0, 1, 0)
    letters.assert_sound()


def test_a_retried_task_that_completes_closes_its_letter():
    letter = letters.failed()
    task = letters.retried(letter)

    assert lives.complete(task)

    letter = letters.fresh(letter)
    assert (letter.status, letter.outcome, letter.resolution) == (
        "resolved",
        "completed",
        "completed when retried",
    )
    assert (letter.resolved_by, lives.fetch(task.id).dead_letter_id) == ("EXECUTOR", None)
    assert letters.counts(letter) == (0, 0, 1)
    assert letters.group(letter).redrive_succeeded == 1
    letters.assert_sound()


def test_a_retried_task_that_fails_again_returns_the_same_letter_with_its_history():
    letter = letters.failed("it broke")

    for again in range(3):
        letters.give_up(letters.retried(letter), "it broke")

        [same] = DeadLetter.objects.all()
        assert (same.pk, same.status, same.retries) == (letter.pk, "pending", again + 1)
        assert [entry["what"] for entry in same.history] == ["retried", "failed again"] * (again + 1)
        letters.assert_sound()
    assert [one["error"] for one in same.attempts] == ["it broke"] * 4
    assert (same.created_at, same.snapshot["attempts"]) == (letter.created_at, 4)
    assert letters.group(letter).redrive_failed == 3


def test_a_task_that_fails_differently_moves_its_letter_to_the_other_group():
    letter = letters.failed("connection reset")
    before = letters.group(letter)

    letters.give_up(letters.retried(letter), "disk full")

    after = letters.group(letter)
    before.refresh_from_db()
    assert after.failure_reason == "disk full"
    assert (before.pending, before.retrying, before.resolved, before.redrive_failed) == (0, 0, 0, 1)
    assert (after.pending, after.failures, after.redrive_failed) == (1, 1, 0)
    letters.assert_sound()


def test_a_retried_task_that_kills_its_worker_again_returns_the_letter():
    letter = letters.failed()
    Task.objects.filter(pk=letter.task_id).update(attempts=9)
    task = letters.retried(letter)
    Task.objects.filter(pk=task.id).update(crash_attempts=2)

    lives.crash(task)

    letter = letters.fresh(letter)
    assert (letter.status, letter.cause) == ("pending", "crashes")
    letters.assert_sound()


def test_a_retried_task_that_crashes_once_keeps_its_letter_retrying():
    letter = letters.failed()

    lives.crash(letters.retried(letter))

    assert letters.fresh(letter).status == "retrying"
    letters.assert_sound()


def test_a_retried_task_that_expires_returns_its_letter():
    letter = letters.failed()
    transitions.retry([letter.task_id], actor="ann", reason="again")
    Task.objects.filter(pk=letter.task_id).update(deadline=lives.ago(1))

    transitions.expire()

    letter = letters.fresh(letter)
    assert (letter.status, letter.cause) == ("pending", "deadline")
    letters.assert_sound()


def test_a_retried_task_that_is_moved_back_by_an_operator_has_the_same_letter():
    letter = letters.failed()
    letters.retried(letter)

    transitions.dead_letter([letter.task_id], actor="ann", reason="still wrong")

    [same] = DeadLetter.objects.all()
    assert (same.pk, same.status, same.cause) == (letter.pk, "pending", "operator")
    letters.assert_sound()


@pytest.mark.parametrize("end", [transitions.terminate, transitions.cancel])
def test_a_retried_task_that_a_person_ends_closes_its_letter(end):
    letter = letters.failed()
    letters.retried(letter)

    end([letter.task_id], actor="ann", reason="not needed any more")

    letter = letters.fresh(letter)
    assert (letter.status, letter.outcome, letter.resolved_by) == ("resolved", "ended", "ann")
    assert letter.resolution == "its task was ended: not needed any more"
    assert lives.fetch(letter.task_id).dead_letter_id is None
    letters.assert_sound()


def test_after_a_closed_letter_the_next_failure_opens_a_new_one():
    letter = letters.failed()
    letters.retried(letter)
    transitions.terminate([letter.task_id], actor="ann", reason="enough")
    transitions.retry([letter.task_id], actor="ann", reason="once more")
    [task] = lives.claim(free=1)

    letters.give_up(task)

    assert list(DeadLetter.objects.order_by("pk").values_list("status", flat=True)) == ["resolved", "pending"]
    letters.assert_sound()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", ("retrying", "")),
        ("parked", ("retrying", "")),
        ("waiting_approval", ("retrying", "")),
        ("completed", ("resolved", "completed")),
        ("cancelled", ("resolved", "ended")),
    ],
)
def test_an_edit_in_sql_of_a_task_with_a_pending_letter_is_obeyed(status, expected):
    letter = letters.failed()

    set_status(letter.task_id, status)

    letter = letters.fresh(letter)
    assert (letter.status, letter.outcome) == expected
    assert sql_user() in {letter.retried_by, letter.resolved_by}
    letters.assert_sound()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", ("retrying", "")),
        ("parked", ("retrying", "")),
        ("completed", ("resolved", "completed")),
        ("cancelled", ("resolved", "ended")),
        ("failed", ("resolved", "ended")),
    ],
)
def test_an_edit_in_sql_of_a_task_with_a_retrying_letter_is_obeyed(status, expected):
    letter = letters.taken_up(letters.failed())

    set_status(letter.task_id, status)

    letter = letters.fresh(letter)
    assert (letter.status, letter.outcome) == expected
    letters.assert_sound()


def test_the_runbooks_terminate_closes_the_letter_of_a_retried_task():
    letter = letters.taken_up(letters.failed())

    letters.sql(
        "UPDATE governance_tasks SET status = 'failed', updated_at = NOW(),"
        " error_message = 'Terminated due to excessive runtime' WHERE id = %s",
        letter.task_id,
    )

    assert letters.fresh(letter).resolution == "its task was ended: Terminated due to excessive runtime"
    letters.assert_sound()


@pytest.mark.parametrize("make", [letters.failed, lambda: letters.taken_up(letters.failed())])
def test_a_letter_resolved_in_sql_is_completed_and_its_task_let_go(make):
    letter = make()
    before = lives.status(letter.task_id)

    letters.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE id = %s", letter.pk)

    letter = letters.fresh(letter)
    assert (letter.outcome, letter.resolved_by) == ("resolved", sql_user())
    assert letter.resolved_at
    assert (lives.status(letter.task_id), lives.fetch(letter.task_id).dead_letter_id) == (before, None)
    letters.assert_sound()


def test_a_letter_resolved_while_its_task_runs_stays_resolved_and_a_new_failure_opens_a_new_one():
    letter = letters.failed()
    task = letters.retried(letter)
    letters.sql(
        "UPDATE dead_letter_queue SET status = 'resolved', resolution = 'known' WHERE id = %s", letter.pk
    )

    letters.give_up(task)

    assert letters.fresh(letter).resolution == "known"
    assert DeadLetter.objects.filter(task_id=task.id, status="pending").count() == 1
    letters.assert_sound()


def test_retrying_a_task_whose_letter_was_resolved_leaves_the_letter_alone():
    letter = letters.failed()
    letters.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE id = %s", letter.pk)

    transitions.retry([letter.task_id], actor="ann", reason="again")

    assert letters.fresh(letter).status == "resolved"
    letters.assert_sound()


def test_a_retried_task_waits_for_its_dependencies_and_its_letter_with_it():
    dependency = lives.in_state("failed")
    task_id = lives.after(dependency)
    transitions.dead_letter([task_id], actor="ann", reason="too long")

    transitions.retry([task_id], actor="ann", reason="again")

    assert (lives.status(task_id), letters.of(task_id).status) == ("parked", "retrying")
    letters.assert_sound()


def test_a_late_result_changes_no_letter():
    task = lives.held()
    transitions.dead_letter([task.id], actor="ann", reason="stuck")
    letter = letters.of(task.id)

    assert not lives.complete(task)

    assert letters.fresh(letter).status == "pending"
    letters.assert_sound()


def test_a_retried_task_is_not_completed_by_the_attempt_that_failed_before():
    task = lives.held()
    letters.give_up(task)
    letter = letters.of(task.id)
    letters.retried(letter)

    assert not lives.complete(task)
    assert transitions.fail([lives.failing(task)], process_id=PROCESS) == set()

    assert letters.fresh(letter).status == "retrying"
    letters.assert_sound()
