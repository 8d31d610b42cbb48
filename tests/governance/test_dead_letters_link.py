"""The link between a task and its open letter agrees in both directions; the database refuses all else."""

import pytest
from django.db import IntegrityError

from governance.models import DeadLetter
from governance.tasks import transitions
from tests.fleet import enlist
from tests.governance import letters, lives

pytestmark = pytest.mark.django_db


def pending():
    return letters.failed()


def retrying():
    return letters.taken_up(letters.failed())


def resolved():
    letter = letters.failed()
    letters.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE id = %s", letter.pk)
    return letter


LIES = {
    "a task lets go of its pending letter": (
        pending, "UPDATE governance_tasks SET dead_letter_id = NULL WHERE id = %(task)s"),
    "a task lets go of its retrying letter": (
        retrying, "UPDATE governance_tasks SET dead_letter_id = NULL WHERE id = %(task)s"),
    "a task names the letter of another": (
        pending, "UPDATE governance_tasks SET dead_letter_id = %(letter)s WHERE id = %(other)s"),
    "a task names a letter that does not exist": (
        pending, "UPDATE governance_tasks SET dead_letter_id = gen_random_uuid() WHERE id = %(task)s"),
    "a task names its resolved letter": (
        resolved, "UPDATE governance_tasks SET dead_letter_id = %(letter)s WHERE id = %(task)s"),
    "a letter says it is retrying while its task has failed": (
        pending, "UPDATE dead_letter_queue SET status = 'retrying' WHERE id = %(letter)s"),
    "a letter says it is pending while its task runs": (
        retrying, "UPDATE dead_letter_queue SET status = 'pending' WHERE id = %(letter)s"),
    "a resolved letter is opened again": (
        resolved, "UPDATE dead_letter_queue SET status = 'pending', resolved_at = NULL, outcome = ''"
                  " WHERE id = %(letter)s"),
    "a resolved letter forgets when": (
        resolved, "UPDATE dead_letter_queue SET resolved_at = NULL WHERE id = %(letter)s"),
    "a letter goes to another task": (
        pending, "UPDATE dead_letter_queue SET task_id = %(other)s WHERE id = %(letter)s"),
    "a letter takes another id": (
        pending, "UPDATE dead_letter_queue SET id = gen_random_uuid() WHERE id = %(letter)s"),
    "an open letter is deleted": (
        pending, "DELETE FROM dead_letter_queue WHERE id = %(letter)s"),
    "a task is deleted without its letter": (
        pending, "DELETE FROM governance_tasks WHERE id = %(task)s"),
    "a task gets a second open letter": (
        pending, "INSERT INTO dead_letter_queue (task_id) VALUES (%(task)s)"),
    "a letter is typed in for a task that does not name it": (
        pending, "INSERT INTO dead_letter_queue (task_id) VALUES (%(other)s)"),
    "a letter is typed in for no task": (
        pending, "INSERT INTO dead_letter_queue (task_id) VALUES (gen_random_uuid())"),
    "a letter takes a state that there is not": (
        pending, "UPDATE dead_letter_queue SET status = 'parked' WHERE id = %(letter)s"),
    "a letter takes a cause that there is not": (
        pending, "UPDATE dead_letter_queue SET cause = 'bad luck' WHERE id = %(letter)s"),
    "a task takes a failure with a cause that there is not": (
        pending, """UPDATE governance_tasks SET failure = '{"cause": "bad luck"}' WHERE id = %(task)s"""),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_the_database_refuses_that(lie):
    make, statement = LIES[lie]
    letter, other = make(), lives.make(run_after=lives.ago(-3600))
    for name, value in (("letter", letter.pk), ("task", letter.task_id), ("other", other.pk)):
        statement = statement.replace(f"%({name})s", f"'{value}'")

    with pytest.raises(IntegrityError):
        letters.sql(statement)

    letters.assert_sound()


def test_the_refusal_names_both_and_says_what_fits():
    letter = pending()

    with pytest.raises(
        IntegrityError, match=f"dead letter {letter.pk} and its task {letter.task_id} disagree"
    ):
        letters.sql("UPDATE dead_letter_queue SET status = 'retrying' WHERE id = %s", letter.pk)


def test_both_sides_may_be_changed_together():
    letter = pending()

    letters.sql(
        "WITH l AS (DELETE FROM dead_letter_queue WHERE id = %s) DELETE FROM governance_tasks WHERE id = %s",
        letter.pk, letter.task_id,
    )  # fmt: skip

    assert not DeadLetter.objects.exists()
    letters.assert_sound()


def test_a_resolved_letter_may_be_deleted():
    letter = resolved()

    letters.sql("DELETE FROM dead_letter_queue WHERE id = %s", letter.pk)

    letters.assert_sound()


def test_a_letter_typed_in_together_with_its_task_is_one_like_any_other():
    task_id = lives.in_state("pending")
    transitions.terminate([task_id], actor="ann", reason="by hand")

    letters.sql(
        "WITH l AS (INSERT INTO dead_letter_queue (task_id, task_type, error_message)"
        "           VALUES (%s, 'noop', 'pallet 7 is gone') RETURNING id, task_id)"
        " UPDATE governance_tasks t SET dead_letter_id = l.id FROM l WHERE t.id = l.task_id",
        task_id,
    )

    letter = letters.of(task_id)
    assert (letter.status, letter.cause, letter.failure_reason) == (
        "pending",
        "operator",
        "pallet <n> is gone",
    )
    assert letters.counts(letter) == (1, 0, 0)
    letters.assert_sound()


@pytest.mark.django_db(transaction=True)
def test_a_lie_is_refused_at_commit_too():
    enlist()
    letter = pending()

    with pytest.raises(IntegrityError):
        DeadLetter.objects.filter(pk=letter.pk).update(status="retrying")

    assert letters.fresh(letter).status == "pending"
