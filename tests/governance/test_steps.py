"""Steps are stored once, under the lease of who made them, and read in order."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from governance.access import tool_executions
from governance.models import TaskStep
from governance.tasks import checkpoints
from governance.tasks.checkpoints import Checkpoint
from tests.fleet import enlist
from tests.governance import lives
from tests.governance.races import somebody_else

pytestmark = pytest.mark.django_db


def answer(turn=1, **facts):
    return Checkpoint(**({"turn": turn, "call": 0, "kind": "answer", "content": {"text": "hello"}} | facts))


def result(turn=1, call=1, **facts):
    return Checkpoint(**({"turn": turn, "call": call, "kind": "result", "content": {"value": 1}} | facts))


def test_a_step_is_read_as_it_was_kept():
    task = lives.held()
    step = answer(
        content={"text": "grüß Gott", "tool_calls": []},
        name="some-model",
        execution_id=UUID(int=7),
        cost_usd=Decimal("0.000000001"),
        seconds=1.5,
    )

    assert checkpoints.save(task.id, step, lease_token=task.token)

    assert checkpoints.load(task.id) == [step]


def test_steps_come_in_the_order_of_their_turns():
    task = lives.held()
    for step in (result(2, 1), answer(2), result(1, 2), answer(1), result(1, 1)):
        checkpoints.save(task.id, step, lease_token=task.token)

    assert [(s.turn, s.call) for s in checkpoints.load(task.id)] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]


def test_a_step_is_stored_once_and_the_first_stays():
    task = lives.held()
    checkpoints.save(task.id, answer(content={"text": "first"}), lease_token=task.token)

    assert not checkpoints.save(task.id, answer(content={"text": "second"}), lease_token=task.token)

    assert checkpoints.load(task.id)[0].content == {"text": "first"}


def test_who_lost_the_task_stores_nothing():
    task = lives.held()

    assert not checkpoints.save(task.id, answer(), lease_token=task.token - 1)
    lives.complete(task)
    assert not checkpoints.save(task.id, answer(), lease_token=task.token)

    assert not TaskStep.objects.exists()


def test_text_that_postgresql_cannot_store_is_kept_as_far_as_it_can_be():
    task = lives.held()
    content = {"text": "a\x00b", "more": ["\ud800", {"\x00": 1}]}

    checkpoints.save(task.id, answer(content=content), lease_token=task.token)

    assert checkpoints.load(task.id)[0].content == {"text": "a\ufffdb", "more": ["\ufffd", {"\ufffd": 1}]}


def test_what_is_too_long_is_refused():
    task = lives.held()

    with pytest.raises(ValueError, match="at most 1048576 can be stored"):
        checkpoints.save(
            task.id, answer(content={"text": "x" * checkpoints.MAX_BYTES}), lease_token=task.token
        )


def test_calls_that_were_sent_are_known_by_their_key():
    task = lives.held()
    sent = begin(task.id, "turn 1 call 1")
    again = begin(task.id, "turn 1 call 1")
    begin(task.id, "")
    refuse(task.id, "turn 1 call 2")
    refuse(task.id, "turn 1 call 3", failed=True)
    begin(lives.make().pk, "turn 1 call 4")

    found = checkpoints.started_calls(task.id)

    assert {key: set(ids) for key, ids in found.items()} == {"turn 1 call 1": {sent, again}}


def call(task_id, key):
    return tool_executions.Call("EXECUTOR", "http.request", {}, task_id, key=key)


def begin(task_id, key):
    return tool_executions.begin(call(task_id, key), rule="permission", within=timedelta(seconds=1))


def refuse(task_id, key, *, failed=False):
    tool_executions.refuse(call(task_id, key), rule="breaker", error_message="no", failed=failed)


def test_a_task_that_got_on_is_forgiven_its_crashes():
    task = lives.held(attempts=1, crash_attempts=1)

    assert checkpoints.reset_crash_count(task.id, lease_token=task.token)

    assert lives.fetch(task.id).crash_attempts == 0


def test_who_lost_the_task_forgives_nothing():
    task = lives.held(attempts=1, crash_attempts=1)

    assert not checkpoints.reset_crash_count(task.id, lease_token=task.token - 1)

    assert lives.fetch(task.id).crash_attempts == 1


@pytest.mark.django_db(transaction=True)
def test_forgiving_does_not_wait_for_whoever_holds_the_row():
    enlist()
    task = lives.held(attempts=1, crash_attempts=1)

    with somebody_else() as cursor:
        cursor.execute("SELECT 1 FROM governance_tasks WHERE id = %s FOR UPDATE", [str(task.id)])
        assert not checkpoints.reset_crash_count(task.id, lease_token=task.token)
