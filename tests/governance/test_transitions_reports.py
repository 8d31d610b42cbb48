"""What the engine reports: results, errors, tasks given back; and what it reports too late."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from governance.models import LateResult, TaskEvent
from governance.tasks import transitions
from tests.governance import lives
from tests.governance.lives import OTHER_PROCESS, PROCESS, done, failing, fetch, held

pytestmark = pytest.mark.django_db


def taken_by_another(task):
    """The lease runs out, the task is rescued and another process claims it."""
    transitions.renew({task.id: task.token}, lease=timedelta(seconds=-1))
    transitions.rescue()
    [again] = lives.claim(process=OTHER_PROCESS)
    assert again.id == task.id
    return again


def test_a_result_is_stored_as_it_was_reported():
    task = held()
    result = {"text": "ünïcode", "list": [1, 2.5, None, True], "nested": {"a": {}}}

    lives.complete(task, json.dumps(result).encode())

    row = fetch(task.id)
    assert row.result == result
    assert (row.error_message, row.attempts, row.error_attempts) == ("", 1, 0)
    event = lives.events(task.id)[-1]
    assert (event.actor, event.attempt, event.process_id) == ("EXECUTOR", 1, PROCESS)


def test_a_result_clears_the_error_of_an_earlier_attempt():
    task = held()
    transitions.retry_later([failing(task)], process_id=PROCESS)
    [again] = lives.claim()

    lives.complete(again)

    assert fetch(task.id).error_message == ""
    assert lives.path(task.id) == ["pending", "in_progress", "pending", "in_progress", "completed"]


def test_a_result_of_json_null_completes_the_task():
    task = held()

    assert lives.complete(task, b"null")

    assert fetch(task.id).result is None


def test_an_error_that_may_pass_is_counted_and_waits_out_its_delay():
    task = held()

    transitions.retry_later([failing(task, "no route", delay=90)], process_id=PROCESS)

    row = fetch(task.id)
    assert (row.status, row.attempts, row.error_attempts, row.error_message) == ("pending", 1, 1, "no route")
    assert row.run_after - row.updated_at == timedelta(seconds=90)
    assert lives.events(task.id)[-1].reason == "no route"
    assert lives.claim() == []


def test_a_final_error_is_counted_and_kept():
    task = held()

    lives.fail(task, "bad payload")

    row = fetch(task.id)
    assert (row.status, row.error_attempts, row.error_message) == ("failed", 1, "bad payload")
    assert lives.events(task.id)[-1].reason == "bad payload"


def test_a_task_given_back_does_not_count_the_attempt_and_is_due_at_once():
    task = held()

    transitions.give_back([done(task)], process_id=PROCESS)

    row = fetch(task.id)
    assert (row.status, row.attempts, row.error_attempts, row.crash_attempts) == ("pending", 0, 0, 0)
    [again] = lives.claim()
    assert again.attempt == 1
    assert again.token > task.token


def test_a_mixed_life_adds_up():
    task = held()
    transitions.give_back([done(task)], process_id=PROCESS)
    [task] = lives.claim()
    transitions.retry_later([failing(task)], process_id=PROCESS)
    [task] = lives.claim()
    lives.crash(task)
    [task] = lives.claim()
    lives.complete(task)

    row = fetch(task.id)
    assert (row.attempts, row.error_attempts, row.crash_attempts) == (3, 1, 1)
    assert row.transitions == 8
    lives.assert_sound(task.id)


def test_a_batch_is_written_in_one_go_each_with_its_own_result_and_event():
    tasks = [held() for _ in range(20)]

    moved = transitions.complete(
        [done(task, json.dumps({"n": n}).encode()) for n, task in enumerate(tasks)], process_id=PROCESS
    )

    assert moved == {task.id for task in tasks}
    for n, task in enumerate(tasks):
        assert fetch(task.id).result == {"n": n}
        lives.assert_sound(task.id)


def test_nothing_to_report_is_nothing_to_do(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert transitions.complete([], process_id=PROCESS) == set()


def test_an_old_token_is_refused_and_its_result_kept_apart():
    old = held()
    new = taken_by_another(old)

    assert not lives.complete(old, b'{"from": "the old one"}')

    assert lives.status(old.id) == "in_progress"
    late = LateResult.objects.get(task_id=old.id)
    assert (late.lease_token, late.process_id, late.outcome) == (old.token, PROCESS, "completed")
    assert (late.result, late.found_status) == ({"from": "the old one"}, "in_progress")
    assert lives.complete(new, b'{"from": "the new one"}', process=OTHER_PROCESS)
    assert fetch(old.id).result == {"from": "the new one"}


@pytest.mark.parametrize("edge", ["retry_later", "give_back"])
def test_an_old_token_cannot_send_the_task_back(edge):
    old = held()
    new = taken_by_another(old)
    before = lives.snapshot(old.id)

    assert getattr(transitions, edge)([failing(old)], process_id=PROCESS) == set()

    assert lives.snapshot(old.id) == before
    assert fetch(old.id).lease_token == new.token
    assert not LateResult.objects.exists()


def test_a_late_failure_is_kept_with_its_error():
    task = held()
    transitions.cancel([task.id], actor="ann", reason="not needed")

    lives.fail(task, "too slow")

    late = LateResult.objects.get(task_id=task.id)
    assert (late.outcome, late.error_message, late.found_status) == ("failed", "too slow", "cancelled")
    assert fetch(task.id).error_message == "not needed"


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
def test_a_result_after_the_operators_word_is_late(verb):
    task = held()
    getattr(transitions, verb)([task.id], actor="ann", reason="enough")

    assert not lives.complete(task, b'{"n": 1}')

    assert fetch(task.id).result is None
    assert LateResult.objects.get(task_id=task.id).result == {"n": 1}


def test_a_late_result_that_is_repeated_is_kept_once():
    task = held()
    transitions.cancel([task.id], actor="ann", reason="not needed")

    for _ in range(3):
        lives.complete(task)
    transitions.complete([done(task), done(task)], process_id=PROCESS)

    assert LateResult.objects.filter(task_id=task.id).count() == 1


def test_a_result_that_is_repeated_because_its_answer_was_lost_is_no_late_result():
    task = held()
    lives.complete(task)

    assert not lives.complete(task)

    assert not LateResult.objects.exists()
    assert lives.path(task.id).count("completed") == 1


def test_the_same_result_twice_in_one_batch_completes_once():
    task = held()

    assert transitions.complete([done(task), done(task)], process_id=PROCESS) == {task.id}

    lives.assert_sound(task.id)
    assert not LateResult.objects.exists()


def test_in_a_batch_only_the_late_one_is_refused():
    late, good = held(), held()
    transitions.cancel([late.id], actor="ann", reason="not needed")

    assert transitions.complete([done(late), done(good)], process_id=PROCESS) == {good.id}

    assert [row.task_id for row in LateResult.objects.all()] == [late.id]


def test_a_result_for_a_task_that_was_deleted_is_dropped():
    task = held()
    fetch(task.id).delete()

    assert not lives.complete(task)

    assert not LateResult.objects.exists()


@pytest.mark.parametrize("edge", ["complete", "retry_later", "fail", "give_back"])
def test_the_right_token_in_the_wrong_hands_is_refused(edge):
    """A server that crashed may have lost a claim's commit: then the next claimant gets the same token."""
    task = held(PROCESS)

    assert getattr(transitions, edge)([failing(task)], process_id=OTHER_PROCESS) == set()

    assert lives.status(task.id) == "in_progress"


def test_a_token_from_the_future_is_refused():
    task = held()

    assert not lives.complete(task._replace(token=task.token + 1))
    assert lives.status(task.id) == "in_progress"


def test_a_second_event_for_the_same_transition_is_impossible():
    task = held()

    with pytest.raises(IntegrityError), transaction.atomic():
        TaskEvent.objects.create(task_id=task.id, seq=1, to_status="completed", actor="me")
