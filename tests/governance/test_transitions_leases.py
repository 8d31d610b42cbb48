"""Leases: renewed while the process lives, taken away when it does not; and the limit of crashes."""

from datetime import timedelta

import pytest
from django.db import transaction

from governance.models import Task
from governance.tasks import transitions
from governance.tasks.transitions import leases
from tests.governance import lives
from tests.governance.lives import NOBODY, OTHER_PROCESS, PROCESS, fetch, held

pytestmark = pytest.mark.django_db
RAN_OUT = timedelta(seconds=-1)


def test_a_renewal_extends_the_lease_and_moves_updated_at():
    task = held()
    transitions.renew({task.id: task.token}, lease=RAN_OUT)
    Task.objects.filter(pk=task.id).update(updated_at=lives.ago(3600))

    lost = transitions.renew({task.id: task.token}, lease=timedelta(seconds=8))

    row = fetch(task.id)
    assert lost == set()
    assert row.lease_expires_at
    assert row.lease_expires_at - row.updated_at == timedelta(seconds=8)
    assert row.updated_at > lives.ago(60)
    assert len(lives.events(task.id)) == 2


def test_nothing_held_is_nothing_to_renew(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert transitions.renew({}) == set()


@pytest.mark.parametrize("state", [state for state in lives.STATES if state != "in_progress"])
def test_a_task_that_no_longer_runs_is_lost(state):
    task_id = lives.in_state(state)

    assert transitions.renew({task_id: fetch(task_id).lease_token}) == {task_id}


def test_a_wrong_token_is_lost_and_a_right_one_beside_it_is_not():
    old, good = held(), held()
    lives.crash(old)
    lives.claim(process=OTHER_PROCESS)
    good = held()
    before = fetch(old.id).lease_expires_at

    assert transitions.renew({old.id: old.token, good.id: good.token}, lease=timedelta(hours=1)) == {old.id}

    assert fetch(old.id).lease_expires_at == before


def test_an_unknown_task_is_lost():
    unknown = lives.unknown()

    assert transitions.renew({unknown: 1}) == {unknown}


def test_a_lease_that_runs_is_not_rescued():
    held()

    assert transitions.rescue() == []


def test_a_lease_that_ran_out_is_rescued_and_counts_as_a_crash_not_as_an_error():
    task = held()
    transitions.renew({task.id: task.token}, lease=RAN_OUT)

    [moved] = transitions.rescue()

    row = fetch(task.id)
    assert (moved.id, moved.was, moved.status, moved.worker_id) == (
        task.id, "in_progress", "pending", "EXECUTOR",
    )  # fmt: skip
    assert (row.attempts, row.error_attempts, row.crash_attempts) == (1, 0, 1)
    event = lives.events(task.id)[-1]
    assert event.actor == "WATCHDOG"
    assert event.reason == "its worker process died or stalled (crash 1)"


def test_after_a_restart_of_the_server_leases_have_time_to_be_renewed(monkeypatch):
    monkeypatch.setattr(leases, "GRACE_AFTER_RESTART", timedelta(days=365))
    silent, dead = held(PROCESS), held(OTHER_PROCESS)
    transitions.renew({silent.id: silent.token, dead.id: dead.token}, lease=RAN_OUT)

    moved = transitions.rescue(dead=[OTHER_PROCESS])

    assert [row.id for row in moved] == [dead.id]


def test_a_rescue_from_the_dead_leaves_other_leases_to_the_watchdog():
    silent = held(OTHER_PROCESS)
    transitions.renew({silent.id: silent.token}, lease=RAN_OUT)

    assert transitions.rescue(dead=[PROCESS]) == []


def test_a_claim_that_the_server_forgot_is_not_taken_for_the_next_one():
    lives.make()
    forgotten = transaction.savepoint()
    [first] = lives.claim(process=PROCESS)
    transaction.savepoint_rollback(forgotten)

    [second] = lives.claim(process=OTHER_PROCESS)

    assert second.id == first.id
    assert transitions.renew({first.id: first.token}) == {first.id}
    assert not lives.complete(first, process=PROCESS)
    assert lives.complete(second, process=OTHER_PROCESS)


def test_what_a_dead_process_held_is_rescued_before_its_lease_runs_out():
    dead, living = held(PROCESS), held(OTHER_PROCESS)

    moved = transitions.rescue(dead=[PROCESS, NOBODY])

    assert [row.id for row in moved] == [dead.id]
    assert lives.status(living.id) == "in_progress"


def test_the_third_crash_is_the_end_and_says_so():
    task_id = lives.crashed(2)
    [task] = lives.claim_suspect()

    lives.crash(task)

    row = fetch(task_id)
    assert (row.status, row.attempts, row.error_attempts, row.crash_attempts) == ("failed", 3, 0, 3)
    assert row.error_message == "killed its worker process 3 times"
    assert row.completed_at is not None
    assert lives.claim() == lives.claim_suspect() == []
    lives.assert_sound(task_id)


def test_crashes_do_not_use_up_the_attempts_for_errors():
    task_id = lives.crashed(2, max_attempts=1)
    [task] = lives.claim_suspect()

    assert (task.error_attempts, task.max_attempts) == (0, 1)
    assert lives.status(task_id) == "in_progress"


def test_an_error_message_outlives_a_crash():
    task = held()
    transitions.retry_later([lives.failing(task, "no route")], process_id=PROCESS)
    [task] = lives.claim()

    lives.crash(task)

    assert fetch(task.id).error_message == "no route"


def test_a_rescue_takes_no_more_than_its_limit_and_the_next_one_goes_on():
    for _ in range(5):
        held()

    first = transitions.rescue(dead=[PROCESS], limit=3)
    second = transitions.rescue(dead=[PROCESS], limit=3)

    assert [len(first), len(second)] == [3, 2]


def test_a_process_disclaims_what_it_holds_and_does_not_know_of():
    known, unheard, other = held(), held(), held(OTHER_PROCESS)

    [moved] = transitions.return_unknown_claims(process_id=PROCESS, known=[known.id])

    assert (moved.id, moved.status) == (unheard.id, "pending")
    row = fetch(unheard.id)
    assert (row.attempts, row.crash_attempts, row.lease_owner) == (0, 0, None)
    assert lives.events(unheard.id)[-1].reason == "given back: the answer to its claim was lost"
    lives.assert_sound(unheard.id)
    assert lives.status(known.id) == lives.status(other.id) == "in_progress"
