"""Waiting: for dependencies, for a time, until a deadline; and what an operator's retry clears."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from governance.models import Task
from governance.tasks import transitions
from tests.governance import lives
from tests.governance.lives import ENDED, PROCESS, after, ago, fetch, held

pytestmark = pytest.mark.django_db


def completed():
    task = held()
    lives.complete(task)
    return task.id


def retry(task_id):
    return transitions.retry([task_id], actor="ann", reason="fixed")


def test_a_task_is_released_when_its_dependency_has_completed():
    first = held()
    second = after(first.id)
    lives.complete(first)

    [moved] = transitions.release_dependents(after=[first.id])

    row = fetch(second)
    assert (moved.id, moved.was, moved.status) == (second, "parked", "pending")
    assert row.waiting_for == ""
    assert lives.events(second)[-1].reason == "every dependency has completed"
    lives.assert_sound(second)


def test_it_waits_for_all_of_its_dependencies():
    first, second = held(), held()
    last = after(first.id, second.id)
    lives.complete(first)
    assert transitions.release_dependents(after=[first.id]) == []

    lives.complete(second)

    assert [moved.id for moved in transitions.release_dependents(after=[second.id])] == [last]


@pytest.mark.parametrize("state", [state for state in lives.STATES if state != "completed"])
def test_a_dependency_in_any_other_state_releases_nothing(state):
    dependency = lives.in_state(state)
    dependent = after(dependency)

    assert transitions.release_dependents(after=[dependency]) == []
    assert transitions.release_dependents() == []
    assert lives.status(dependent) == "parked"


def test_only_dependents_of_the_named_tasks_are_looked_at():
    first, second = completed(), completed()
    of_first, of_second = after(first), after(second)

    assert [moved.id for moved in transitions.release_dependents(after=[first])] == [of_first]
    assert transitions.release_dependents(after=[]) == []
    assert lives.status(of_second) == "parked"


def test_the_sweep_finds_what_a_completion_missed():
    dependent = after(completed())

    assert [moved.id for moved in transitions.release_dependents()] == [dependent]


def test_what_is_parked_for_something_else_is_not_released():
    parked = lives.make(status="parked", waiting_for="budget").pk

    assert transitions.release_dependents() == []
    assert lives.status(parked) == "parked"


def test_a_released_task_still_waits_for_its_time():
    dependent = after(completed(), run_after=ago(-3600))

    transitions.release_dependents()

    assert fetch(dependent).run_after > ago(-3000)
    assert lives.claim() == []


def test_a_sweep_releases_no_more_than_its_limit():
    dependency = completed()
    for _ in range(3):
        after(dependency)

    assert len(transitions.release_dependents(limit=2)) == 2
    assert len(transitions.release_dependents(limit=2)) == 1


def test_a_chain_is_released_link_by_link():
    first = held()
    second = after(first.id)
    third = after(second)
    lives.complete(first)
    transitions.release_dependents(after=[first.id])
    assert lives.status(third) == "parked"
    [task] = lives.claim()

    lives.complete(task)

    assert [moved.id for moved in transitions.release_dependents(after=[second])] == [third]


def test_a_deadline_that_passed_fails_what_still_waits_and_says_so():
    task_id = lives.make(deadline=ago(1)).pk

    [moved] = transitions.expire()

    row = fetch(task_id)
    assert (moved.was, row.status) == ("pending", "failed")
    assert row.error_message == "its deadline passed before it could run"
    assert (row.attempts, row.error_attempts) == (0, 0)


def test_a_deadline_in_the_future_and_none_at_all_change_nothing():
    lives.make(deadline=ago(-60))
    lives.make()

    assert transitions.expire() == []


def test_what_runs_past_its_deadline_is_left_to_its_worker():
    task = held(deadline=ago(-60))
    Task.objects.filter(pk=task.id).update(deadline=ago(1))

    assert transitions.expire() == []


def test_a_retry_gives_fresh_attempts_and_clears_what_was():
    task = held(max_attempts=1, deadline=ago(-60))
    lives.fail(task)
    Task.objects.filter(pk=task.id).update(deadline=ago(1), crash_attempts=0)

    [moved] = retry(task.id)

    row = fetch(task.id)
    assert (moved.was, moved.status) == ("failed", "pending")
    assert (row.error_attempts, row.crash_attempts, row.attempts) == (0, 0, 1)
    assert (row.result, row.error_message, row.completed_at, row.deadline) == (None, "", None, None)
    [again] = lives.claim()
    assert (again.id, again.attempt, again.error_attempts) == (task.id, 2, 0)
    assert again.token > task.token


def test_a_retry_keeps_a_deadline_that_can_still_be_met():
    task = held(deadline=ago(-3600))
    lives.fail(task)

    retry(task.id)

    assert fetch(task.id).deadline is not None


def test_a_retry_of_a_poisonous_task_makes_it_harmless_until_it_kills_again():
    task_id = lives.crashed(2)
    [task] = lives.claim_suspect()
    lives.crash(task)

    retry(task_id)

    [again] = lives.claim()
    assert (again.id, again.crash_attempts, again.is_suspect) == (task_id, 0, False)


def test_a_retry_waits_for_dependencies_that_are_not_met():
    dependency = held()
    dependent = after(dependency.id)
    transitions.cancel([dependent], actor="ann", reason="later")

    [moved] = retry(dependent)

    assert moved.status == "parked"
    assert fetch(dependent).waiting_for == transitions.DEPENDENCIES
    lives.complete(dependency)
    assert [row.id for row in transitions.release_dependents(after=[dependency.id])] == [dependent]


def test_a_result_of_the_attempt_before_the_retry_is_late():
    task = held()
    transitions.terminate([task.id], actor="ann", reason="stuck")
    retry(task.id)

    assert not lives.complete(task)

    assert lives.status(task.id) == "pending"


def test_a_second_retry_finds_nothing_to_do():
    task = held()
    lives.fail(task)

    assert len(retry(task.id)) == 1
    assert retry(task.id) == []
    assert lives.path(task.id).count("pending") == 2


@pytest.mark.parametrize("status", ENDED)
def test_the_database_does_not_know_an_ended_task_without_an_end_time(status):
    with pytest.raises(IntegrityError, match="task_completed_at_when_ended"):
        lives.make(status=status)


def test_delay_after_an_error_is_not_shortened_by_priority():
    task = held(priority=100)

    transitions.retry_later([lives.failing(task, delay=30)], process_id=PROCESS)

    assert fetch(task.id).run_after - fetch(task.id).updated_at == timedelta(seconds=30)
    assert lives.claim() == []
