"""Claiming: who gets what, in which order, and what is left alone."""

import itertools

import pytest

from governance.models import Task, Worker
from governance.tasks import transitions
from tests.governance import lives
from tests.governance.lives import OTHER_PROCESS, PROCESS, ago, claim, make

pytestmark = pytest.mark.django_db


def order(tasks):
    return [task.id for task in tasks]


def test_a_claim_hands_out_everything_that_running_it_takes():
    made = make(payload={"seconds": 2}, max_attempts=7, timeout_seconds=11, deadline=ago(-60))

    [task] = claim()

    assert (task.id, task.task_type, task.worker_id) == (made.pk, "noop", "EXECUTOR")
    assert task.payload == '{"seconds": 2}'
    assert (task.attempt, task.error_attempts, task.max_attempts, task.crash_attempts) == (1, 0, 7, 0)
    assert (task.token, task.timeout_seconds) == (lives.fetch(task.id).lease_token, 11)
    assert task.deadline_in
    assert 0 < task.deadline_in <= 61
    assert not task.is_suspect


def test_a_claim_counts_the_attempt_raises_the_token_and_names_the_owner():
    task = lives.held()

    row = lives.fetch(task.id)
    assert (row.status, row.attempts, row.lease_owner) == ("in_progress", 1, PROCESS)
    assert row.lease_token > 0
    assert row.lease_expires_at
    assert row.started_at
    assert row.lease_expires_at > row.started_at
    [event] = lives.events(task.id)[1:]
    assert (event.actor, event.attempt, event.process_id) == ("EXECUTOR", 1, PROCESS)


def test_a_claimed_task_is_not_claimed_again():
    lives.held()

    assert claim(process=OTHER_PROCESS) == []


def test_no_more_are_claimed_than_there_is_room_for():
    for _ in range(5):
        make()

    assert len(claim(free=2)) == 2
    assert len(claim(free=0)) == 0
    assert len(claim(free=100)) == 3


def test_each_worker_gets_its_own_and_only_as_many_as_it_has_room_for():
    for worker, _ in itertools.product(["EXECUTOR", "ANALYST"], range(3)):
        make(assigned_worker=worker)

    tasks = transitions.claim(process_id=PROCESS, free={"EXECUTOR": 1, "ANALYST": 2, "STRATEGIST": 9})

    assert sorted(task.worker_id for task in tasks) == ["ANALYST", "ANALYST", "EXECUTOR"]


def test_the_oldest_comes_first():
    late, early, middle = make(run_after=ago(10)), make(run_after=ago(30)), make(run_after=ago(20))

    assert order(claim()) == [early.pk, middle.pk, late.pk]


def test_a_point_of_priority_is_worth_a_minute_of_waiting():
    waited_longer = make(run_after=ago(600), priority=0)
    six_points = make(run_after=ago(300), priority=6)
    four_points = make(run_after=ago(300), priority=4)

    assert [order(claim(free=1)) for _ in range(3)] == [
        [six_points.pk],
        [waited_longer.pk],
        [four_points.pk],
    ]


def test_nothing_starves_behind_the_highest_priority():
    forgotten = make(run_after=ago(102 * 60), priority=0)
    urgent = [make(run_after=ago(60), priority=100) for _ in range(3)]

    first = claim(free=1)

    assert order(first) == [forgotten.pk]
    assert {task.id for task in claim()} == {task.pk for task in urgent}


def test_what_is_not_due_stays_whatever_its_priority():
    make(run_after=ago(-3600), priority=100)

    assert claim() == []


def test_a_task_past_its_deadline_is_not_started():
    make(deadline=ago(1))

    assert claim() == []


def test_a_paused_worker_is_given_nothing_and_an_active_one_again():
    task = make()
    Worker.objects.filter(pk="EXECUTOR").update(status="paused")
    assert claim() == []

    Worker.objects.filter(pk="EXECUTOR").update(status="active")

    assert order(claim()) == [task.pk]


def test_a_worker_that_is_not_registered_is_given_nothing():
    make(assigned_worker="NOBODY")

    assert claim(worker="NOBODY") == []


@pytest.mark.parametrize("state", [state for state in lives.STATES if state != "pending"])
def test_only_what_is_pending_is_claimed(state):
    lives.in_state(state)

    assert claim() == []


def test_a_task_that_killed_two_processes_is_left_to_the_claim_of_suspects():
    suspect = lives.crashed(2)
    harmless = lives.crashed(1)

    assert order(claim()) == [harmless]
    [task] = lives.claim_suspect()

    assert task.id == suspect
    assert task.is_suspect
    assert (task.attempt, task.crash_attempts) == (3, 2)


def test_suspects_are_claimed_one_at_a_time_across_all_workers():
    suspects = {lives.crashed(2), lives.crashed(2)}
    Task.objects.filter(pk=next(iter(suspects))).update(assigned_worker="ANALYST")

    first, second, third = lives.claim_suspect(), lives.claim_suspect(), lives.claim_suspect()

    assert [len(first), len(second), len(third)] == [1, 1, 0]
    assert {first[0].id, second[0].id} == suspects


def test_the_claim_of_suspects_takes_nothing_else():
    make()

    assert lives.claim_suspect() == []


def test_suspects_of_a_paused_worker_wait():
    lives.crashed(2)
    Worker.objects.filter(pk="EXECUTOR").update(status="paused")

    assert lives.claim_suspect() == []
