"""Two edges at the same moment: one wins, the other finds the task moved, and nothing is written twice."""

import threading
from uuid import UUID

import pytest
from django.db import transaction

from governance.access import actors
from governance.models import LateResult, Task, TaskEvent
from governance.tasks import schemas, transitions
from governance.tasks import services as tasks
from reliability.engine.outcome_writer import OutcomeBatch, OutcomeWriter
from tests.governance import lives
from tests.governance.lives import OTHER_PROCESS, PROCESS, done, held, make
from tests.governance.races import meanwhile, race, somebody_else, until_someone_waits_for_a_lock

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fleet"),
    pytest.mark.slow,
]
ANN = actors.Actor("ann", is_trusted=True)
ROUNDS = range(3)


def verb(name, ids):
    return lambda: [row.id for row in getattr(transitions, name)(ids, actor=name, reason="race")]


def completes(task):
    return lambda: transitions.complete([done(task)], process_id=PROCESS)


@pytest.mark.parametrize("_round", ROUNDS)
def test_eight_claimants_share_the_tasks_and_none_is_claimed_twice(_round):
    made = {make().pk for _ in range(60)}

    claims = race(*[lambda n=n: lives.claim(free=60, process=UUID(int=n)) for n in range(1, 9)])

    ids = [task.id for claimed in claims for task in claimed]
    assert len(ids) == len(set(ids))
    assert set(ids) <= made
    assert TaskEvent.objects.filter(to_status="in_progress").count() == len(ids)


def test_one_suspect_is_claimed_by_one_process():
    suspect = lives.crashed(2)

    claims = race(*[lambda n=n: lives.claim_suspect(process=UUID(int=n)) for n in range(1, 5)])

    assert [task.id for claimed in claims for task in claimed] == [suspect]


@pytest.mark.parametrize("_round", ROUNDS)
def test_claim_against_cancel(_round):
    ids = [make().pk for _ in range(20)]

    claimed, cancelled = race(lambda: lives.claim(), verb("cancel", ids))

    assert set(cancelled) == set(ids)
    for task in claimed:
        assert lives.path(task.id) == ["pending", "in_progress", "cancelled"]
    assert not Task.objects.exclude(status="cancelled").exists()


@pytest.mark.parametrize("name", ["cancel", "terminate"])
@pytest.mark.parametrize("_round", ROUNDS)
def test_complete_against_the_operators_word_ends_each_task_once(name, _round):
    batch = [held() for _ in range(20)]

    completed, ended = race(
        lambda: transitions.complete([done(task) for task in batch], process_id=PROCESS),
        verb(name, [task.id for task in batch]),
    )
    again = [done(task) for task in batch if task.id in completed.locked]
    assert not transitions.complete(again, process_id=PROCESS)

    assert completed.isdisjoint(ended)
    assert completed | set(ended) == {task.id for task in batch}
    assert set(LateResult.objects.values_list("task_id", flat=True)) == set(ended)
    for task in batch:
        lives.assert_sound(task.id)
        assert len(lives.events(task.id)) == 3


@pytest.mark.parametrize("_round", ROUNDS)
def test_complete_against_rescue(_round):
    batch = [held() for _ in range(20)]

    completed, rescued = race(
        lambda: transitions.complete([done(task) for task in batch], process_id=PROCESS),
        lambda: {moved.id for moved in transitions.rescue(dead=[PROCESS])},
    )

    assert completed.isdisjoint(rescued)
    assert completed | rescued == {task.id for task in batch}
    for task in batch:
        lives.assert_sound(task.id)


def test_renewal_against_rescue_never_both():
    task = held()
    transitions.renew({task.id: task.token}, lease=-transitions.LEASE)

    lost, rescued = race(lambda: transitions.renew({task.id: task.token}), transitions.rescue)

    assert bool(lost) == bool(rescued)


def test_a_renewal_during_a_rescue_finds_the_lease_lost_once_that_is_committed():
    task = held()
    with transaction.atomic():
        transitions.rescue(dead=[PROCESS])
        with meanwhile(lambda: transitions.renew({task.id: task.token})) as renewed:
            assert renewed.result(10) == set()

    assert transitions.renew({task.id: task.token}) == {task.id}


@pytest.mark.parametrize("_round", ROUNDS)
def test_two_operators_retry_once(_round):
    task = held()
    lives.fail(task)

    moved = race(*[verb("retry", [task.id])] * 4)

    assert sorted(len(rows) for rows in moved) == [0, 0, 0, 1]
    assert lives.path(task.id) == ["pending", "in_progress", "failed", "pending"]


def test_two_operators_end_a_set_in_opposite_order_without_a_deadlock():
    ids = [make().pk for _ in range(50)]

    cancelled, terminated = race(verb("cancel", ids), verb("terminate", ids[::-1]))

    assert len(cancelled) + len(terminated) == 50


def test_the_same_report_sent_twice_at_once_is_written_once():
    task = held()

    moved = race(*[completes(task)] * 4)

    assert sorted(len(ids) for ids in moved) == [0, 0, 0, 1]
    assert lives.path(task.id).count("completed") == 1
    assert not LateResult.objects.exists()


def test_a_report_during_an_edit_in_psql_is_late_once_that_is_committed():
    task = held()
    with somebody_else() as psql:
        psql.execute("UPDATE governance_tasks SET status = 'failed' WHERE id = %s", [str(task.id)])
        assert completes(task)().locked == {task.id}
        assert not LateResult.objects.exists()
        psql.execute("COMMIT")

    assert completes(task)() == set()
    assert lives.path(task.id) == ["pending", "in_progress", "failed"]
    assert LateResult.objects.get().found_status == "failed"


def test_a_report_after_an_edit_in_psql_keeps_the_edit():
    task = held()
    with somebody_else() as psql:
        psql.execute("SELECT FROM governance_tasks WHERE id = %s FOR UPDATE", [str(task.id)])
        assert completes(task)().locked == {task.id}
        psql.execute("UPDATE governance_tasks SET title = 'x' WHERE id = %s", [str(task.id)])
        psql.execute("COMMIT")

    assert completes(task)() == {task.id}
    lives.assert_sound(task.id)
    assert lives.fetch(task.id).title == "x"


def test_a_row_that_somebody_has_locked_is_left_for_the_next_claim():
    locked, free = make(), make()
    with somebody_else() as psql:
        psql.execute("SELECT FROM governance_tasks WHERE id = %s FOR UPDATE", [str(locked.pk)])
        psql.execute("SET idle_in_transaction_session_timeout = '10s'")  # a claim that waits fails, not hangs

        assert [task.id for task in lives.claim()] == [free.pk]

    assert [task.id for task in lives.claim(process=OTHER_PROCESS)] == [locked.pk]


def submit_after(dependency):
    asked = schemas.parse({"task_type": "evaluation", "payload": MEASURED, "depends_on": [str(dependency)]})
    [receipt] = tasks.submit([asked], actor=ANN)
    return receipt


MEASURED = {"eval_type": "metric", "metric_value": 1}


def completes_and_releases(task):
    def both():
        moved = transitions.complete([done(task)], process_id=PROCESS)
        return transitions.release_dependents(after=list(moved))

    return both


def test_a_dependency_that_completes_while_its_dependent_is_submitted_releases_it():
    task = held()

    with transaction.atomic():
        receipt = submit_after(task.id)
        with meanwhile(completes(task)) as completed:
            assert completed.result(10).locked == {task.id}

    assert receipt.status == "parked"
    assert [moved.id for moved in completes_and_releases(task)()] == [receipt.id]


def test_a_dependent_that_is_submitted_while_its_dependency_completes_starts_at_once():
    task = held()
    with somebody_else() as session:
        session.execute("SELECT FROM governance_tasks WHERE id = %s FOR UPDATE", [str(task.id)])
        with meanwhile(lambda: submit_after(task.id)) as submitted:
            until_someone_waits_for_a_lock()
            session.execute("UPDATE governance_tasks SET status = 'completed' WHERE id = %s", [str(task.id)])
            session.execute("COMMIT")

    assert submitted.result().status == "pending"


def test_two_dependencies_that_complete_at_once_release_their_dependent(monkeypatch):
    """Neither of two processes may overlook the other's completion, committed at the same moment."""
    first, second = held(PROCESS), held(OTHER_PROCESS)
    dependent = lives.after(first.id, second.id)
    both_completed, release = threading.Barrier(2), transitions.release_dependents

    def release_after_both(**named):
        both_completed.wait(10)
        return release(**named)

    def turn(task, process):
        batch = [task, *(held(process) for _ in range(100))]
        reports = OutcomeBatch(completed=[done(task) for task in batch])
        return lambda: OutcomeWriter(process_id=process)._turn(reports, {}, False)

    monkeypatch.setattr(transitions, "release_dependents", release_after_both)
    race(turn(first, PROCESS), turn(second, OTHER_PROCESS))

    assert lives.status(dependent) == "pending"
