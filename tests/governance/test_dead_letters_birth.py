"""A dead letter is born in the transaction that fails its task, whatever the cause, with all known facts."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from governance.models import CostLine, DeadLetter, Task, TaskEvent
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from tests.governance import letters, lives
from tests.governance.lives import PROCESS, ago

pytestmark = pytest.mark.django_db


def by_report(cause):
    def fail():
        return letters.failed("the scale is broken", {"cause": cause, "error_class": "ScaleError"}).task_id

    return fail


def by_an_engine_that_says_no_more_than_that_it_failed():
    task = lives.held()
    lives.fail(task)
    return task.id


def by_crashes():
    task_id = lives.crashed(2)
    [task] = lives.claim_suspect()
    lives.crash(task)
    return task_id


def by_deadline():
    task_id = lives.make(deadline=ago(1)).pk
    transitions.expire()
    return task_id


def by_operator():
    task_id = lives.in_state("in_progress")
    transitions.dead_letter([task_id], actor="ann", reason="Rate limit exceeded")
    return task_id


CAUSES = [
    ("attempts", by_report("attempts")),
    ("attempts", by_an_engine_that_says_no_more_than_that_it_failed),
    ("permanent", by_report("permanent")),
    ("denied", by_report("denied")),
    ("deadline", by_report("deadline")),
    ("deadline", by_deadline),
    ("crashes", by_crashes),
    ("operator", by_operator),
]


@pytest.mark.parametrize(("cause", "fail"), CAUSES)
def test_each_way_of_giving_up_leaves_one_letter_that_says_why(cause, fail):
    task_id = fail()

    [letter] = DeadLetter.objects.all()
    task = lives.fetch(task_id)
    assert (letter.task_id, letter.status, letter.cause) == (task_id, "pending", cause)
    assert (task.status, task.dead_letter_id, (task.failure or {})["cause"]) == ("failed", letter.pk, cause)
    assert letter.error_message == task.error_message != ""
    assert letters.counts(letter) == (1, 0, 0)
    letters.assert_sound()


@pytest.mark.parametrize("state", lives.LIVE)
def test_an_operator_moves_a_task_from_any_live_state(state):
    task_id = lives.in_state(state)

    [moved] = transitions.dead_letter([task_id], actor="ann", reason="Rate limit exceeded")

    assert (moved.was, moved.status) == (state, "failed")
    assert letters.of(task_id).failure_reason == "Rate limit exceeded"
    letters.assert_sound()


@pytest.mark.parametrize("state", lives.ENDED)
def test_an_ended_task_is_not_moved(state):
    task_id = lives.in_state(state)
    before = DeadLetter.objects.count()

    assert transitions.dead_letter([task_id], actor="ann", reason="too late") == []

    assert DeadLetter.objects.count() == before


@pytest.mark.parametrize("end", [transitions.terminate, transitions.cancel])
def test_a_task_that_a_person_ends_leaves_no_letter(end):
    task_id = lives.in_state("in_progress")

    end([task_id], actor="ann", reason="not needed")

    assert not DeadLetter.objects.exists()
    assert lives.fetch(task_id).dead_letter_id is None


def test_a_task_failed_in_sql_leaves_no_letter():
    task_id = lives.in_state("in_progress")

    letters.sql("UPDATE governance_tasks SET status = 'failed' WHERE id = %s", task_id)

    assert not DeadLetter.objects.exists()


def test_an_error_that_may_pass_leaves_no_letter():
    task = lives.held()

    transitions.retry_later([lives.failing(task, delay=1.0)], process_id=PROCESS)

    assert not DeadLetter.objects.exists()


def test_the_letter_comes_and_goes_with_the_transaction_that_fails_the_task():
    task = lives.held()

    with transaction.atomic():
        lives.fail(task)
        assert letters.of(task.id).status == "pending"
        transaction.set_rollback(True)

    assert not DeadLetter.objects.exists()
    assert lives.status(task.id) == "in_progress"


def test_a_report_that_came_too_late_leaves_no_letter():
    task = lives.held()
    lives.complete(task)

    assert not lives.fail(task)

    assert not DeadLetter.objects.exists()


def test_it_keeps_what_the_task_was_when_it_failed():
    made: dict[str, Any] = {
        "title": "Weigh",
        "payload": {"pallet": 7},
        "priority": 5,
        "max_attempts": 1,
        "idempotency_key": "k",
    }
    letter = letters.failed(**made)
    Task.objects.filter(pk=letter.task_id).update(title="Changed since", payload={})

    kept = letters.fresh(letter).snapshot

    assert {name: kept[name] for name in made} == made
    assert (kept["attempts"], kept["error_attempts"], kept["crash_attempts"]) == (1, 1, 0)
    assert {"created_by", "created_at", "started_at", "timeout_seconds"} <= kept.keys()
    assert "deadline" not in kept


def test_it_keeps_who_ran_it_and_what_it_called():
    failure = {"cause": "denied", "error_class": "Refused", "tool_name": "http_get", "service": "openrouter"}

    letter = letters.failed("not allowed", failure, assigned_worker="ANALYST")

    assert (letter.worker_id, letter.task_type) == ("ANALYST", "noop")
    assert (letter.tool_name, letter.service, letter.error_class) == ("http_get", "openrouter", "Refused")


def test_it_lists_the_attempts_that_ended_badly_with_their_errors():
    task = lives.held()
    transitions.retry_later([lives.failing(task, "first")], process_id=PROCESS)
    [task] = lives.claim()
    lives.crash(task)
    [task] = lives.claim()
    transitions.give_back([AttemptReport(task.id, task.token)], process_id=PROCESS)
    [task] = lives.claim()
    lives.fail(task, "last")

    attempts = letters.of(task.id).attempts

    assert [one["error"] for one in attempts if "given back" not in one["error"]] == [
        "first", "its worker process died or stalled (crash 1)", "last",
    ]  # fmt: skip
    assert [one["attempt"] for one in attempts][-1] == 3
    assert all(one["at"] for one in attempts)
    assert {one["process"] for one in attempts} == {str(PROCESS)}


def test_an_attempt_given_back_at_shutdown_is_none():
    task = lives.held()
    transitions.give_back([AttemptReport(task.id, task.token)], process_id=PROCESS)
    [task] = lives.claim()
    lives.fail(task, "last")

    assert [one["error"] for one in letters.of(task.id).attempts] == ["last"]


def test_a_task_that_never_ran_has_no_attempts_on_its_letter():
    task_id = by_deadline()

    assert letters.of(task_id).attempts == []


def test_a_thousand_that_fail_in_one_statement_leave_a_thousand_letters():
    Task.objects.bulk_create(Task(task_type="noop", run_after=ago(60)) for _ in range(1000))
    tasks = lives.claim(free=1000)
    reports = [lives.failing(task, f"pallet {n} of {n % 7} is gone") for n, task in enumerate(tasks)]

    assert len(transitions.fail(reports, process_id=PROCESS)) == 1000

    assert DeadLetter.objects.filter(status="pending").count() == 1000
    assert DeadLetter.objects.values("signature").distinct().count() == 1
    assert TaskEvent.objects.filter(to_status="failed").count() == 1000
    letters.assert_sound()


@pytest.mark.parametrize(
    "error",
    [
        "",
        " ",
        "x" * 1_000_000,
        "日本語 ☃ \U0001f600 \x01\x7f",
        "'; DROP TABLE dead_letter_queue; --",
        "%s %(a)s {}",
    ],
)
def test_any_text_can_be_an_error(error):
    letter = letters.failed(error)

    assert letter.error_message == error
    assert len(letter.failure_reason) <= 500
    letters.assert_sound()


def test_it_knows_the_money_that_its_task_spent():
    task = lives.held()
    for cost in ("0.25", "0.000000001"):
        CostLine.objects.create(
            worker_id="EXECUTOR", task_id=task.id, cost_usd=Decimal(cost), hold_id=uuid4()
        )

    lives.fail(task)

    assert DeadLetter.objects.get(task_id=task.id).cost_usd == Decimal("0.250000001")
