"""Two operators, or an operator and the engine, at one letter at once, on two connections."""

import pytest

from governance.access.actors import Actor
from governance.models import DeadLetter
from governance.tasks import services as tasks
from governance.tasks import transitions
from reliability.dead_letters import services as dead_letters
from tests.fleet import enlist
from tests.governance import letters, lives
from tests.governance.lives import PROCESS
from tests.governance.races import second_after_first

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fleet"), pytest.mark.slow]

ANN, BOB = Actor("ann", is_trusted=True), Actor("bob", is_trusted=True)


@pytest.fixture
def fleet(transactional_db):
    """The workers that the migration registers, in a test whose predecessor emptied every table."""
    enlist()


def retrying(letter, who):
    return lambda: dead_letters.retry([letter.pk], actor=who, reason="again")


def retrying_task(letter, who):
    return lambda: tasks.retry([letter.task_id], actor=who, reason="again")


def resolving(letter, who):
    return lambda: dead_letters.resolve([letter.pk], actor=who, note="known")


def resolving_in_sql(letter, _who):
    return lambda: letters.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE id = %s", letter.pk)


def moved(outcome):
    """How many rows this side moved, whatever it returned."""
    return outcome if isinstance(outcome, int) else len(outcome.moved)


@pytest.mark.parametrize("first", [retrying, retrying_task])
@pytest.mark.parametrize("second", [retrying, retrying_task])
def test_two_operators_retry_once(first, second):
    letter = letters.failed()

    one, other = second_after_first(first(letter, ANN), second(letter, BOB))

    assert (moved(one), moved(other)) == (1, 0)
    assert lives.path(letter.task_id).count("pending") == 2
    letter = letters.fresh(letter)
    assert (letter.status, letter.retries, letter.retried_by) == ("retrying", 1, "ann")
    letters.assert_sound()


def test_the_second_operator_is_told_how_the_letter_was_found():
    letter = letters.failed()

    _, other = second_after_first(retrying(letter, ANN), retrying(letter, BOB))

    assert other == dead_letters.Outcome(moved={}, skipped={letter.pk: "retrying"})


def test_two_operators_retry_overlapping_selections_once_each():
    three = [letters.failed(f"error {'x' * n}") for n in range(3)]
    some, others = [letter.pk for letter in three[:2]], [letter.pk for letter in reversed(three[1:])]

    one, other = second_after_first(
        lambda: dead_letters.retry(some, actor=ANN, reason="again"),
        lambda: dead_letters.retry(others, actor=BOB, reason="again"),
    )

    assert set(one.moved) == {three[0].pk, three[1].pk}
    assert (set(other.moved), set(other.skipped)) == ({three[2].pk}, {three[1].pk})
    letters.assert_sound()


@pytest.mark.parametrize("first", [resolving, resolving_in_sql])
def test_a_letter_is_not_retried_once_it_is_resolved(first):
    letter = letters.failed()

    one, other = second_after_first(first(letter, ANN), retrying(letter, BOB))

    assert moved(one) == 1
    assert other == dead_letters.Outcome(moved={}, skipped={letter.pk: "resolved"})
    assert lives.status(letter.task_id) == "failed"
    letters.assert_sound()


@pytest.mark.parametrize("second", [resolving, resolving_in_sql])
def test_a_letter_that_is_being_retried_may_be_resolved(second):
    letter = letters.failed()

    second_after_first(retrying(letter, ANN), second(letter, BOB))

    assert letters.fresh(letter).status == "resolved"
    assert lives.status(letter.task_id) == "pending"
    letters.assert_sound()


def test_two_operators_resolve_once():
    letter = letters.failed()

    one, other = second_after_first(resolving(letter, ANN), resolving(letter, BOB))

    assert (moved(one), moved(other)) == (1, 0)
    assert letters.fresh(letter).resolved_by == "ann"
    letters.assert_sound()


def test_a_task_that_fails_while_its_letter_is_resolved_gets_a_new_letter():
    letter = letters.failed()
    task = letters.retried(letter)

    _, failed = second_after_first(resolving(letter, ANN), lambda: lives.fail(task))

    assert not failed, "the resolution has the task locked: the report is left for the next beat"
    assert lives.fail(task)
    assert set(DeadLetter.objects.values_list("status", flat=True)) == {"resolved", "pending"}
    letters.assert_sound()


def test_a_task_that_completes_while_its_letter_is_resolved_completes():
    letter = letters.failed()
    task = letters.retried(letter)

    _, completed = second_after_first(resolving(letter, ANN), lambda: lives.complete(task))

    assert not completed, "the resolution has the task locked: the report is left for the next beat"
    assert lives.complete(task)
    assert letters.fresh(letter).outcome == "resolved"
    letters.assert_sound()


@pytest.mark.parametrize("report", [lives.complete, lives.fail])
def test_a_letter_that_is_resolved_while_its_task_ends_follows_the_first(report):
    letter = letters.failed()
    task = letters.retried(letter)

    ended, other = second_after_first(lambda: report(task), resolving(letter, BOB))

    assert ended
    assert moved(other) == (report is lives.fail)
    assert letters.fresh(letter).outcome == ("resolved" if report is lives.fail else "completed")
    letters.assert_sound()


@pytest.mark.parametrize("report", [lives.complete, lives.fail])
def test_a_task_that_is_moved_while_it_reports_has_one_letter_and_keeps_the_report_apart(report):
    task = lives.held()

    _, ended = second_after_first(
        lambda: dead_letters.move([task.id], actor=ANN, reason="stuck"), lambda: report(task)
    )

    assert not ended
    [letter] = DeadLetter.objects.all()
    assert letter.cause == "operator"
    letters.assert_sound()


def test_a_task_is_not_moved_once_it_has_ended():
    task = lives.held()

    completed, other = second_after_first(
        lambda: lives.complete(task), lambda: dead_letters.move([task.id], actor=BOB, reason="stuck")
    )

    assert completed
    assert other.skipped == {task.id: "completed"}
    assert not DeadLetter.objects.exists()


def test_two_operators_move_a_task_once():
    task_id = lives.in_state("in_progress")

    one, other = second_after_first(
        lambda: dead_letters.move([task_id], actor=ANN, reason="stuck"),
        lambda: dead_letters.move([task_id], actor=BOB, reason="stuck too"),
    )

    assert (moved(one), moved(other)) == (1, 0)
    assert letters.of(task_id).error_message == "stuck"
    letters.assert_sound()


def test_a_rescue_and_a_late_failure_leave_one_letter():
    lives.crashed(2)
    [task] = lives.claim_suspect()

    _, failed = second_after_first(
        lambda: transitions.rescue(dead=[PROCESS]) and None, lambda: lives.fail(task)
    )

    assert not failed
    [letter] = DeadLetter.objects.all()
    assert letter.cause == "crashes"
    letters.assert_sound()


def test_writers_of_the_same_groups_in_opposite_order_do_not_wait_in_a_circle():
    resets = [letters.retried(letters.failed("connection reset")) for _ in range(2)]
    fulls = [letters.retried(letters.failed("disk full")) for _ in range(2)]

    def resets_then_fulls():
        assert lives.complete(resets[0])
        return lambda: lives.complete(fulls[0])

    def fulls_then_resets():
        return lives.complete(fulls[1]), lives.complete(resets[1])

    answers = second_after_first(resets_then_fulls, fulls_then_resets)

    assert answers == (True, (True, True))
    letters.assert_sound()


def test_two_new_groups_in_opposite_order_do_not_wait_in_a_circle():
    ours, theirs = [lives.held() for _ in range(2)], [lives.held() for _ in range(2)]

    def resets_then_fulls():
        assert lives.fail(ours[0], "connection reset")
        return lambda: lives.fail(ours[1], "disk full")

    def fulls_then_resets():
        return lives.fail(theirs[0], "disk full"), lives.fail(theirs[1], "connection reset")

    assert second_after_first(resets_then_fulls, fulls_then_resets) == (True, (True, True))
    letters.assert_sound()
