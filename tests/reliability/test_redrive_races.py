"""Two operators at once, processes that are killed, ten thousand letters: each is retried once."""

import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from governance.models import DeadLetter, FailureSignature, TaskEvent
from reliability import redrives
from reliability.dead_letters import filters
from reliability.dead_letters import services as dead_letters
from reliability.models import Redrive
from tests.polling import until
from tests.reliability import letters
from tests.reliability.processes import Program, database_url
from tests.reliability.redriving import ALL, ANN, BEN, after, items
from tests.reliability.redriving import start as redrive_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("executor"), pytest.mark.slow]
PROGRAM = ("-m", "tests.reliability.redrive_program")


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each returns, all begun at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(len(works))
    results: dict[int, Any] = {}
    errors: list[Exception] = []

    def run(n: int) -> None:
        try:
            barrier.wait(timeout=10)
            results[n] = works[n]()
        except Exception as error:  # noqa: BLE001 raised again in the test's thread
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    if errors:
        raise errors[0]
    return [results[n] for n in range(len(works))]


def retried() -> Counter:
    """How often each task was retried."""
    found = TaskEvent.objects.filter(from_status="failed").values_list("task_id", flat=True)
    return Counter(found)


def assert_counts_hold(redrive: Redrive) -> None:
    redrive.refresh_from_db()
    for state in ("waiting", "handed_over", "succeeded", "failed", "skipped"):
        assert getattr(redrive, state) == redrive.items.filter(state=state).count()
    for group in FailureSignature.objects.all():
        assert group.retrying == group.letters.filter(status="retrying").count()


def test_two_operators_who_start_the_same_redrive_at_once_retry_each_letter_once():
    ids = letters.dead_many(200)

    redriven = at_once(*[lambda: redrive_of(ALL, pace=100, canary=False)] * 2)
    for second in range(1, 5):
        at_once(*[partial(after, redriven[0], second)] * 2)

    assert len(retried()) == 200
    assert set(retried().values()) == {1}
    handed = sum(DeadLetter.objects.filter(pk__in=ids).values_list("retries", flat=True))
    for redrive in redriven:
        assert_counts_hold(redrive)
    assert sum(redrive.handed_over for redrive in redriven) == handed == 200


def test_two_watchdogs_that_advance_at_once_keep_the_pace():
    letters.dead_many(100)
    redrive = redrive_of(ALL, pace=10, canary=False)
    now = redrive.advanced_at + timedelta(seconds=1)

    at_once(*[lambda: redrives.advance(now)] * 4)

    assert_counts_hold(redrive)
    assert redrive.handed_over == 20
    assert set(retried().values()) == {1}


def test_a_redrive_and_an_operators_retry_at_once_retry_once():
    letter = letters.dead()

    at_once(
        lambda: redrive_of([letter.pk]),
        lambda: dead_letters.retry([letter.pk], actor=BEN, reason="now"),
    )

    assert retried() == {letter.task_id: 1}


def in_turn(*errors: str) -> list[UUID]:
    """The letters of a hundred tasks that failed with the first error, then of a hundred with the next."""
    return [letter_id for error in errors for letter_id in letters.dead_many(100, error)]


@pytest.mark.parametrize(
    "retry",
    [
        lambda ids: len(dead_letters.retry(ids, actor=ANN, reason="now").moved),
        lambda ids: redrive_of(ids, pace=1000, canary=False).handed_over,
    ],
    ids=["selection", "redrive"],
)
def test_retries_of_the_same_groups_in_opposite_order_do_not_wait_in_a_circle(retry):
    for _ in range(5):
        forth, back = in_turn("no money", "no time"), in_turn("no time", "no money")

        assert at_once(partial(retry, forth), partial(retry, back)) == [200, 200]


def test_a_step_that_met_an_operators_retry_sees_later_that_it_has_failed_again():
    _, letter = letters.dead(), letters.dead()
    redrive = redrive_of(ALL, pace=1, canary=False)

    with transaction.atomic():
        dead_letters.retry([letter.pk], actor=BEN, reason="now")
        letters.run(letter, error="it broke")
        step = threading.Thread(target=lambda: at_once(partial(after, redrive, 1)))
        step.start()
        step.join(timeout=60)
        assert [item.task_id for item in items(redrive, state="waiting")] == [letter.task_id]
    after(redrive, 2)

    assert [item.why for item in items(redrive, state="skipped")] == ["already retried by ben"]
    assert retried()[letter.task_id] == 1


def test_an_abort_during_a_step_waits_for_it_and_then_holds():
    letters.dead_many(20)
    redrive = redrive_of(ALL, pace=5, canary=False)

    at_once(
        lambda: after(redrive, 1),
        lambda: redrives.abort(redrive.pk, actor=BEN, reason="a mistake"),
    )
    after(redrive, 60)

    assert redrive.state == "aborted"
    assert redrive.handed_over in {5, 10}
    assert len(retried()) == redrive.handed_over
    assert_counts_hold(redrive)


def test_who_is_killed_in_the_middle_of_a_step_has_done_nothing(start_program):
    letters.dead_many(30)
    redrive = redrive_of(ALL, pace=5, canary=False)

    with transaction.atomic():
        # The step locks its tasks and letters, and comes to their group at the end.
        FailureSignature.objects.select_for_update().get()
        program = start_program()
        until(_waits_for_a_lock, timeout=30, what="the step in its transaction")
        program.process.kill()
        program.process.wait()
    until(lambda: not _others(), what="the server noticed that the process is gone")

    assert len(retried()) == 5
    assert_counts_hold(redrive)
    after(redrive, 1)
    assert redrive.handed_over == 10
    assert set(retried().values()) == {1}


@pytest.mark.slow
def test_killed_again_and_again_it_still_retries_each_letter_once(start_program):
    letters.dead_many(3000)
    redrive = redrive_of(ALL, pace=100, canary=False)

    for goal in range(400, 2900, 600):
        program = start_program()
        until(partial(_reached, redrive, goal), timeout=60, what=f"{goal} handed over")
        program.process.kill()
        program.process.wait()
        until(lambda: not _others(), what="the server noticed that the process is gone")
        assert_counts_hold(redrive)
        assert sum(retried().values()) == _handed_over(redrive)
    start_program()
    until(lambda: _handed_over(redrive) == 3000, timeout=60, what="all handed over")

    assert len(retried()) == 3000
    assert set(retried().values()) == {1}


@pytest.mark.slow
def test_the_watchdog_program_carries_a_redrive_on(start_watchdog):
    letters.dead_many(10)
    redrive = redrive_of(ALL, pace=5, canary=False)
    assert redrive.handed_over == 5

    start_watchdog()

    until(partial(_reached, redrive, 10), timeout=60, what="the watchdog handed the others over")


@pytest.mark.slow
def test_ten_thousand_letters_take_no_more_memory_than_a_batch():
    letters.dead_many(10_000)

    tracemalloc.start()
    redrive = redrive_of(filters.parse({"status": "pending"}), pace=1000)
    assert (redrive.total, redrive.handed_over) == (10_000, 1)
    for second in range(1, 30):
        _complete_all()
        after(redrive, second)
        if redrive.finished_at:
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (redrive.state, redrive.succeeded) == ("completed", 10_000)
    assert set(retried().values()) == {1}
    assert peak < 2_000_000
    assert_counts_hold(redrive)


@pytest.fixture
def start_program(start: Callable[..., Program]) -> Callable[[], Program]:
    return lambda: start(*PROGRAM, DATABASE_URL=database_url())


def _handed_over(redrive: Redrive) -> int:
    return Redrive.objects.values_list("handed_over", flat=True).get(pk=redrive.pk)


def _reached(redrive: Redrive, goal: int) -> bool:
    return _handed_over(redrive) >= goal


def _waits_for_a_lock() -> bool:
    return any(kind == "Lock" for kind in _others())


def _others() -> list[str]:
    """What the other connections to this database wait for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT coalesce(wait_event_type, '') FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return [kind for (kind,) in cursor.fetchall()]


_COMPLETE = """
UPDATE governance_tasks SET status = 'completed'
WHERE id IN (SELECT id FROM governance_tasks WHERE status = 'pending' LIMIT 200)"""


def _complete_all() -> None:
    """Every retried task completes, as its row says; edited in SQL, which is obeyed."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE)
        while cursor.rowcount:
            cursor.execute(_COMPLETE)
