"""Every edge from every state: allowed where the diagram says so, refused everywhere else."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from tests.governance import lives
from tests.governance.lives import ENDED, LIVE, PROCESS, STATES

pytestmark = pytest.mark.django_db


def reported(edge: Callable[..., set[UUID]]) -> Callable[[UUID], set[UUID]]:
    """The edge as the holder of the task's latest lease reports it."""

    def report(task_id: UUID) -> set[UUID]:
        token = lives.fetch(task_id).lease_token
        return edge([AttemptReport(task_id, token, result=b"{}", error="it broke")], process_id=PROCESS)

    return report


def ordered(edge: Callable[..., list]) -> Callable[[UUID], set[UUID]]:
    """The edge as an operator takes it."""
    return lambda task_id: {moved.id for moved in edge([task_id], actor="ann", reason="because")}


def claimed(task_id: UUID) -> set[UUID]:
    return {task.id for task in lives.claim()}


def rescued(task_id: UUID) -> set[UUID]:
    transitions.renew({task_id: lives.fetch(task_id).lease_token}, lease=timedelta(seconds=-1))
    return {moved.id for moved in transitions.rescue()}


def expired(task_id: UUID) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE governance_tasks SET deadline = now() WHERE id = %s", [task_id])
    return {moved.id for moved in transitions.expire()}


def released(task_id: UUID) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE governance_tasks SET waiting_for = 'dependencies' WHERE id = %s AND status = 'parked'",
            [task_id],
        )
    return {moved.id for moved in transitions.release_dependents()}


# name: how it is taken, from which states, to which
EDGES = {
    "claim": (claimed, ["pending"], "in_progress"),
    "complete": (reported(transitions.complete), ["in_progress"], "completed"),
    "retry_later": (reported(transitions.retry_later), ["in_progress"], "pending"),
    "fail": (reported(transitions.fail), ["in_progress"], "failed"),
    "give_back": (reported(transitions.give_back), ["in_progress"], "pending"),
    "rescue": (rescued, ["in_progress"], "pending"),
    "release_dependents": (released, ["parked"], "pending"),
    "expire": (expired, ["pending", "parked", "waiting_approval"], "failed"),
    "cancel": (ordered(transitions.cancel), LIVE, "cancelled"),
    "terminate": (ordered(transitions.terminate), LIVE, "failed"),
    "retry": (ordered(transitions.retry), ["failed", "cancelled"], "pending"),
}
ALLOWED = [(name, state) for name, (_, states, _) in EDGES.items() for state in states]
REFUSED = [(name, state) for name in EDGES for state in STATES if (name, state) not in ALLOWED]


@pytest.mark.parametrize(("edge", "state"), ALLOWED)
def test_an_allowed_edge_moves_the_task_and_writes_one_event(edge, state):
    task_id = lives.in_state(state)
    take, _, destination = EDGES[edge]
    before = len(lives.events(task_id))

    moved = take(task_id)

    assert moved == {task_id}
    assert lives.status(task_id) == destination
    assert len(lives.events(task_id)) == before + 1
    lives.assert_sound(task_id)


@pytest.mark.parametrize(("edge", "state"), REFUSED)
def test_a_refused_edge_changes_nothing_but_what_its_test_prepared(edge, state):
    task_id = lives.in_state(state)
    take, _, _ = EDGES[edge]
    before, history = lives.snapshot(task_id), lives.events(task_id)

    moved = take(task_id)

    assert moved == set()
    prepared = {"deadline", "lease_expires_at", "updated_at"} if edge in {"expire", "rescue"} else set()
    kept = {name: value for name, value in lives.snapshot(task_id).items() if name not in prepared}
    assert kept == {name: value for name, value in before.items() if name not in prepared}
    assert lives.events(task_id) == history


@pytest.mark.parametrize("edge", ["cancel", "terminate", "retry"])
def test_a_task_that_does_not_exist_is_moved_by_nobody(edge):
    take, _, _ = EDGES[edge]

    assert take(lives.unknown()) == set()


@pytest.mark.parametrize("edge", ["cancel", "terminate"])
def test_the_reason_and_the_actor_are_kept(edge):
    task_id = lives.in_state("in_progress")

    EDGES[edge][0](task_id)

    event = lives.events(task_id)[-1]
    assert (event.actor, event.reason, event.attempt) == ("ann", "because", 1)
    assert lives.fetch(task_id).error_message == "because"


@pytest.mark.parametrize("edge", [name for name, (_, _, to) in EDGES.items() if to in ENDED])
def test_an_ended_task_has_an_end_time_no_lease_and_waits_for_nothing(edge):
    take, states, _ = EDGES[edge]
    task_id = lives.in_state(states[0])

    take(task_id)

    task = lives.fetch(task_id)
    assert task.completed_at is not None
    assert (task.lease_owner, task.lease_expires_at, task.waiting_for) == (None, None, "")


def test_a_set_moves_what_it_can_and_says_where_each_came_from():
    ids = {state: lives.in_state(state) for state in STATES}

    moved = transitions.terminate([*ids.values(), lives.unknown()], actor="ann", reason="all of it")

    assert {(row.id, row.was, row.status) for row in moved} == {(ids[s], s, "failed") for s in LIVE}
    assert all(row.worker_id == "EXECUTOR" for row in moved)
    for task_id in ids.values():
        lives.assert_sound(task_id)


def test_the_same_id_named_twice_is_moved_once():
    task_id = lives.in_state("pending")

    moved = transitions.cancel([task_id, task_id], actor="ann", reason="twice")

    assert [row.id for row in moved] == [task_id]
    assert lives.path(task_id) == ["pending", "cancelled"]
