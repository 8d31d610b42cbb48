"""Why is this not running? The first thing that stops it is the answer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from governance.budgets import BudgetBalance
from governance.models import Fleet, Task, Worker, WorkerProcess
from governance.tasks import explain
from governance.tasks.waits import Wait, WaitKind
from governance.units import words

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OWNER = UUID(int=7)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def a_task(**changes):
    facts = {
        "title": "Report",
        "status": "pending",
        "assigned_worker": "EXECUTOR",
        "run_after": ago(125),
        "error_attempts": 0,
        "crash_attempts": 0,
        "attempts": 0,
        "waiting_for": "",
        "deadline": None,
        "lease_expires_at": None,
    }
    return Task(**(facts | changes))


def a_worker(**changes):
    return Worker(**({"worker_id": "EXECUTOR", "status": "active", "max_concurrency": 2} | changes))


def a_process(**changes):
    facts = {"process_id": OWNER, "state": "running", "in_flight": 1, "last_seen": ago(1)}
    return WorkerProcess(**(facts | changes))


def reason(task, *, worker=None, processes=None, unmet=()):
    return explain.not_running(
        task,
        worker=worker or a_worker(),
        processes=[a_process()] if processes is None else processes,
        unmet=unmet,
        now=NOW,
    )


def test_a_due_task_stands_in_line():
    assert reason(a_task()).startswith("It is due for 2 min 5 s and stands in line")


def test_its_worker_does_not_exist():
    said = explain.not_running(a_task(), worker=None, processes=[a_process()], unmet=[], now=NOW)

    assert "not in the worker registry" in said


def test_its_worker_is_paused():
    assert "EXECUTOR is paused" in reason(a_task(), worker=a_worker(status="paused"))


@pytest.mark.parametrize("processes", [[], [a_process(last_seen=ago(11))]])
def test_no_process_is_alive(processes):
    assert "manage.py run_workers EXECUTOR" in reason(a_task(), processes=processes)


def test_every_process_shuts_down():
    assert "shutting down" in reason(a_task(), processes=[a_process(state="draining")])


def test_it_is_not_due():
    later = NOW + timedelta(seconds=90)

    assert reason(a_task(run_after=later)) == "It is due in 1 min 30 s, at 2026-01-02 03:05:35 UTC."


def test_it_waits_after_an_error():
    later = NOW + timedelta(seconds=4)

    assert "attempt 2 failed" in reason(a_task(run_after=later, attempts=2, error_attempts=1))


def test_its_deadline_passed():
    assert "deadline passed 3 s ago" in reason(a_task(deadline=ago(3)))


def test_all_slots_are_taken():
    busy = [a_process(in_flight=2), a_process(in_flight=2)]

    assert "all 4 slots of EXECUTOR are taken" in reason(a_task(), processes=busy)


def test_it_is_suspected_of_killing_its_process():
    assert "died under it 2 times" in reason(a_task(crash_attempts=2))


def test_it_waits_for_other_tasks():
    unmet = [a_task(title=str(number)) for number in range(5)]

    said = reason(a_task(status="parked", waiting_for="dependencies"), unmet=unmet)

    assert said == "It waits for 5 tasks: 0 (pending), 1 (pending), 2 (pending) and 2 more."


def test_what_it_waits_for_has_failed():
    unmet = [a_task(title="", task_type="evaluation", status="failed"), a_task()]

    said = reason(a_task(status="parked", waiting_for="dependencies"), unmet=unmet)

    assert "of which 1 ended without success: evaluation (failed)" in said
    assert "unless they are retried" in said


def test_what_it_waited_for_is_there():
    assert "next sweep releases it" in reason(a_task(status="parked", waiting_for="dependencies"))


def test_it_is_parked_for_something_named():
    assert reason(a_task(status="parked", waiting_for="a breaker")) == "It is parked and waits for a breaker."


def test_it_waits_for_a_person():
    assert "approve" in reason(a_task(status="waiting_approval"))


def test_its_process_died():
    task = a_task(status="in_progress", lease_owner=OWNER, lease_expires_at=ago(2))

    assert "its lease ran out 2 s ago" in reason(task)


def test_its_process_is_silent_but_its_lease_holds():
    task = a_task(status="in_progress", lease_owner=OWNER, lease_expires_at=NOW + timedelta(seconds=3))

    assert "has not been heard of" in reason(task, processes=[])


def test_a_task_that_runs_or_has_ended_needs_no_reason():
    running = a_task(status="in_progress", lease_owner=OWNER, lease_expires_at=NOW + timedelta(seconds=3))

    assert reason(running) == ""
    assert reason(a_task(status="completed")) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (-61, "1 min 1 s"), (7200, "2 h"), (90_061, "1 d 1 h")],
)
def test_spans_are_said_in_their_two_largest_units(seconds, said):
    assert words(timedelta(seconds=seconds)) == said


def said_of(kind, name, *, until=None, standing=(), **more):
    wait = Wait(kind=WaitKind(kind), name=name, sentence="It was refused.", until=until, **more)
    status = "waiting_approval" if kind == "approval" else "parked"
    return explain.not_running(
        a_task(status=status, waiting_for=wait.summary, wait=wait.to_json()),
        worker=a_worker(),
        processes=[],
        unmet=[],
        now=NOW,
        standing=standing,
    )


@pytest.mark.parametrize(
    ("kind", "name", "ends"),
    [
        ("breaker", "openrouter", "Its next probe is in 1 min 30 s, at 2026-01-02 03:05:35 UTC"),
        ("pause", "FLEET", "manage.py resume --fleet"),
        ("pause", "ANALYST", "manage.py resume ANALYST"),
        ("rate_limit", "http", "It goes on in 1 min 30 s"),
        ("quota", "http.*", "when its permission http.* is changed"),
        ("approval", "0191", "manage.py approve 0191"),
    ],
)
def test_what_waits_says_for_what_and_what_would_end_it(kind, name, ends):
    said = said_of(kind, name, until=NOW + timedelta(seconds=90))

    assert said.startswith("It waits: It was refused. ")
    assert ends in said


def test_a_breaker_that_waits_for_an_operator_says_which_command_ends_it():
    assert said_of("breaker", "openrouter").endswith("manage.py reset_breaker openrouter")


@pytest.mark.parametrize("kind", ["rate_limit", "breaker"])
def test_a_time_that_has_come_is_the_next_sweep_s(kind):
    assert "with the next sweep" in said_of(kind, "http", until=ago(1))


def test_a_budget_says_what_is_left_now_and_when_its_window_ends():
    zero = Decimal(0)
    standing = [
        BudgetBalance("ANALYST", "day", NOW, NOW, Decimal(2), Decimal("1.75"), zero, zero, zero),
        BudgetBalance("ANALYST", "month", NOW, NOW, Decimal(9), zero, zero, zero, zero),
        BudgetBalance("FLEET", "day", NOW, NOW, Decimal("0.01"), zero, zero, zero, zero),
    ]

    said = said_of(
        "budget",
        "ANALYST",
        until=NOW + timedelta(hours=2),
        window="day",
        amount_usd=Decimal("0.5"),
        standing=standing,
    )

    assert "The budget ANALYST now has 0.25 USD left, the call needs at least 0.5 USD" in said
    assert "manage.py set_budget ANALYST" in said
    assert "when its day ends in 2 h" in said


def test_a_paused_fleet_is_the_first_reason():
    fleet = Fleet(status="paused", paused_by="user:ann", reason="runaway spending")

    said = explain.not_running(a_task(), worker=None, processes=[], unmet=[], now=NOW, fleet=fleet)

    assert said.startswith("The fleet is paused by user:ann (runaway spending)")
    assert said.endswith("manage.py resume --fleet")
