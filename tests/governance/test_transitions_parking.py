"""Parking: a running task waits for something named; its attempt does not count, its lease fences it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from governance.tasks.waits import Wait, WaitKind
from tests.governance import lives
from tests.governance.lives import OTHER_PROCESS, PROCESS, events, fetch, held

pytestmark = pytest.mark.django_db

UNTIL = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
BUDGET = Wait(
    kind=WaitKind.BUDGET,
    name="ANALYST",
    sentence="budget ANALYST (day): 0.5 USD are needed, 0.25 are left",
    until=UNTIL,
    amount_usd=Decimal("0.500000001"),
    window="day",
)
APPROVAL = Wait(kind=WaitKind.APPROVAL, name=str(lives.PROCESS), sentence="a person must allow http.request")
BREAKER = Wait(kind=WaitKind.BREAKER, name="openrouter", sentence="circuit breaker openrouter is open")


def park(task, wait=BUDGET, process=PROCESS, token=None):
    report = AttemptReport(task.id, token or task.token, wait=wait)
    return task.id in transitions.park([report], process_id=process)


def test_a_parked_task_says_what_it_waits_for_and_the_attempt_does_not_count():
    task = held()

    assert park(task)

    row = fetch(task.id)
    assert (row.status, row.waiting_for, row.attempts) == ("parked", "budget ANALYST (day)", 0)
    assert Wait.from_json(row.wait or {}) == BUDGET
    event = events(task.id)[-1]
    assert (event.from_status, event.to_status, event.reason) == ("in_progress", "parked", BUDGET.sentence)
    assert (event.actor, event.process_id) == ("EXECUTOR", PROCESS)
    lives.assert_sound(task.id)


def test_what_a_person_must_decide_waits_for_approval():
    task = held()

    assert park(task, APPROVAL)

    row = fetch(task.id)
    assert (row.status, row.waiting_for) == ("waiting_approval", f"approval {APPROVAL.name}")


def test_many_are_parked_in_one_statement_each_for_its_own(django_assert_num_queries):
    tasks = [held(), held(), held()]
    waits = [BUDGET, BREAKER, APPROVAL]
    park(held())  # prepares the statement
    reports = [AttemptReport(task.id, task.token, wait=wait) for task, wait in zip(tasks, waits, strict=True)]

    with django_assert_num_queries(1):
        parked = transitions.park(reports, process_id=PROCESS)

    assert parked == {task.id for task in tasks}
    assert [(fetch(task.id).wait or {})["kind"] for task in tasks] == ["budget", "breaker", "approval"]


def test_nothing_to_park_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert transitions.park([], process_id=PROCESS) == set()


@pytest.mark.parametrize("state", [state for state in lives.STATES if state != "in_progress"])
def test_only_a_running_task_is_parked(state):
    task_id = lives.in_state(state)
    row, before = fetch(task_id), lives.snapshot(task_id)

    parked = transitions.park([AttemptReport(task_id, row.lease_token, wait=BUDGET)], process_id=PROCESS)

    assert not parked
    assert lives.snapshot(task_id) == before


def test_whoever_lost_the_lease_parks_nothing():
    task = held()
    before = lives.snapshot(task.id)

    assert not park(task, token=task.token - 1)
    assert not park(task, process=OTHER_PROCESS)

    assert lives.snapshot(task.id) == before


def test_a_report_that_waits_for_nothing_is_refused():
    task = held()

    with pytest.raises(ValueError, match="does not say what it waits for"):
        transitions.park([AttemptReport(task.id, task.token)], process_id=PROCESS)


@pytest.mark.parametrize("wait", [BUDGET, APPROVAL], ids=["parked", "waiting_approval"])
@pytest.mark.parametrize(
    ("verb", "to"), [("cancel", "cancelled"), ("terminate", "failed"), ("dead_letter", "failed")]
)
def test_operators_end_waiting_tasks_and_the_wait_ends_with_them(wait, verb, to):
    task = held()
    park(task, wait)

    getattr(transitions, verb)([task.id], actor="ann", reason="not needed")

    row = fetch(task.id)
    assert (row.status, row.waiting_for, row.wait) == (to, "", None)
    lives.assert_sound(task.id)


@pytest.mark.parametrize("wait", [BUDGET, APPROVAL], ids=["parked", "waiting_approval"])
def test_a_waiting_task_fails_at_its_deadline(wait):
    task = held(deadline=lives.ago(-3600))
    park(task, wait)
    fetch(task.id).__class__.objects.filter(pk=task.id).update(deadline=lives.ago(1))

    transitions.expire()

    row = fetch(task.id)
    assert (row.status, (row.failure or {})["cause"], row.wait) == ("failed", "deadline", None)


def test_a_sentence_that_postgresql_cannot_store_is_stored_without_what_it_cannot():
    task = held()

    assert park(task, Wait(kind=WaitKind.BREAKER, name="a\x00b", sentence="a\x00b is open"))

    assert (fetch(task.id).wait or {})["name"] == "a\N{REPLACEMENT CHARACTER}b"
    assert fetch(task.id).waiting_for == "breaker a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (BREAKER, "breaker openrouter"),
        (BUDGET, "budget ANALYST (day)"),
        (Wait(kind=WaitKind.PAUSE, name="FLEET", sentence="s"), "pause of FLEET"),
        (Wait(kind=WaitKind.RATE_LIMIT, name="http", sentence="s"), "rate limit http"),
        (Wait(kind=WaitKind.QUOTA, name="http.*", sentence="s", window="day"), "quota http.* (day)"),
    ],
    ids=lambda value: value.kind if isinstance(value, Wait) else "said",
)
def test_the_short_text_for_sql_users_names_kind_and_thing(wait, said):
    assert wait.summary == said
    assert Wait.from_json(wait.to_json()) == wait
