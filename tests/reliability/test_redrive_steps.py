"""A redrive gets on: at its pace, a few first, and item by item."""

from datetime import UTC, datetime, timedelta

import pytest

from governance.models import DeadLetter, Task, TaskEvent
from governance.tasks import transitions
from reliability import redrives
from reliability.dead_letters import filters
from reliability.dead_letters import services as dead_letters
from reliability.models import Redrive
from reliability.redrives import gates
from reliability.watchdog import sweep
from tests.reliability import letters
from tests.reliability.redriving import ALL, BEN, after, items, start, states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("executor")]


def test_one_letter_is_retried_at_once_and_the_redrive_completes_with_its_task():
    letter = letters.dead()

    redrive = start([letter.pk])

    assert (redrive.state, redrive.total, redrive.handed_over) == ("running", 1, 1)
    letter.refresh_from_db()
    assert (letter.status, letter.retried_by) == ("retrying", "ann")
    event = TaskEvent.objects.filter(task_id=letter.task_id).latest("seq")
    assert (event.actor, event.reason) == ("ann", f"the key was renewed (redrive {redrive.pk})")

    letters.run(letter)
    after(redrive, 5)

    assert (redrive.state, redrive.handed_over, redrive.succeeded) == ("completed", 0, 1)
    assert redrive.finished_at
    assert states(redrive) == ["succeeded"]


def test_handed_over_is_not_succeeded_until_the_task_has_completed():
    redrive = start([letters.dead().pk])

    after(redrive, 60)

    assert states(redrive) == ["handed_over"]
    assert (redrive.state, redrive.succeeded) == ("running", 0)


def test_what_fails_again_is_failed_and_says_with_what():
    letter = letters.dead()
    redrive = start([letter.pk], max_failure_rate=1)

    letters.run(letter, error="timed out after 31 s")
    after(redrive, 5)

    [item] = items(redrive)
    assert (item.state, item.why) == ("failed", "timed out after <n> s")
    assert (redrive.state, redrive.failed) == ("completed", 1)


def test_what_is_meant_is_frozen_when_it_starts():
    first = letters.dead("no money")
    redrive = start(filters.parse({"matching": "money"}), max_failure_rate=1)
    late = letters.dead("no money")

    letters.run(first, error="no money")
    after(redrive, 5)
    after(redrive, 10)

    assert [item.letter_id for item in items(redrive)] == [first.pk]
    late.refresh_from_db()
    first.refresh_from_db()
    assert late.status == "pending"
    assert first.retries == 1


def test_the_oldest_go_first_no_faster_than_the_pace():
    ids = letters.dead_many(30)

    redrive = start(ALL, pace=2, canary=False)
    counts = [redrive.handed_over]
    for second in (0, 1, 1.25, 1.5, 4, 4):
        after(redrive, second)
        counts.append(redrive.handed_over)

    assert counts == [2, 2, 4, 4, 5, 10, 10]
    assert [item.letter_id for item in items(redrive, state="handed_over")] == ids[:10]


def test_a_pace_below_one_a_second_is_kept():
    letters.dead_many(3)

    redrive = start(ALL, pace=0.1, canary=False)
    counts = [redrive.handed_over]
    for second in (5, 9.9, 10, 15, 20):
        after(redrive, second)
        counts.append(redrive.handed_over)

    assert counts == [1, 1, 1, 2, 2, 3]


def test_an_outage_is_not_made_up_for_by_a_flood():
    letters.dead_many(200)
    redrive = start(ALL, pace=2, canary=False)

    after(redrive, 3600)

    assert redrive.handed_over == 2 + 20


def test_a_clock_that_goes_back_earns_nothing():
    letters.dead_many(30)
    redrive = start(ALL, pace=2, canary=False)
    after(redrive, 2)

    after(redrive, -3600)
    after(redrive, 2)

    assert redrive.handed_over == 6


@pytest.mark.parametrize(
    ("total", "plan"),
    [(0, [0]), (1, [1]), (2, [1, 2]), (5, [1, 5]), (6, [1, 5, 6]), (20, [1, 5, 20]), (24, [1, 5, 6, 24]),
     (10_000, [1, 5, 2500, 10_000])],
)  # fmt: skip
def test_the_plan_is_one_then_five_then_a_quarter_then_all(total, plan):
    assert gates.stages(total, canary=True) == plan
    assert gates.stages(total, canary=False) == [total]


def test_each_stage_waits_for_the_outcomes_of_the_one_before():
    mine = list(DeadLetter.objects.filter(pk__in=letters.dead_many(40)).order_by("pk"))
    redrive = start(ALL, pace=1000)

    seen = []
    for tried in (1, 5, 10, 40):
        after(redrive, tried)
        seen.append((redrive.stage, redrive.handed_over))
        # One is still at work: its stage has not ended.
        letters.run(*mine[redrive.tried : tried - 1])
        after(redrive, tried)
        assert redrive.handed_over == 1
        letters.run(mine[tried - 1])
    after(redrive, 50)

    assert seen == [(0, 1), (1, 4), (2, 5), (3, 30)]
    assert (redrive.state, redrive.succeeded) == ("completed", 40)


def test_a_failing_canary_stops_it_and_nothing_else_is_touched():
    mine = list(DeadLetter.objects.filter(pk__in=letters.dead_many(40)).order_by("pk"))
    redrive = start(ALL, pace=1000)

    letters.run(mine[0], error="it broke")
    after(redrive, 5)

    assert (redrive.state, redrive.stopped_by) == ("stopped", "canary")
    assert redrive.stop_reason == "the canary failed: 1 of the first 1 failed again"
    assert (redrive.failed, redrive.skipped, redrive.waiting) == (1, 39, 0)
    assert {item.why for item in items(redrive, state="skipped")} == {f"stopped: {redrive.stop_reason}"}
    assert DeadLetter.objects.filter(retries=0, status="pending").count() == 39


def test_an_error_that_comes_back_stops_it_above_the_threshold():
    mine = list(DeadLetter.objects.filter(pk__in=letters.dead_many(60)).order_by("pk"))
    redrive = start(ALL, pace=40, canary=False)

    letters.run(*mine[:19], error="it broke")
    after(redrive, 0)
    assert redrive.state == "running"
    letters.run(*mine[19:20])
    after(redrive, 0)

    assert (redrive.state, redrive.stopped_by) == ("stopped", "failure rate")
    assert redrive.stop_reason == "the error is back: 19 of 20 failed again, more than 20%"
    assert (redrive.handed_over, redrive.skipped) == (20, 20)


def test_a_failure_rate_at_the_threshold_does_not_stop_it():
    mine = list(DeadLetter.objects.filter(pk__in=letters.dead_many(60)).order_by("pk"))
    redrive = start(ALL, pace=20, canary=False, max_failure_rate=0.25)

    letters.run(*mine[:5], error="it broke")
    letters.run(*mine[5:20])
    after(redrive, 1)

    assert (redrive.state, redrive.failed, redrive.succeeded) == ("running", 5, 15)
    assert redrive.handed_over == 20


def test_another_gate_stops_it_by_its_name(monkeypatch):
    letters.dead_many(3)
    monkeypatch.setattr(gates, "GATES", {"budget": lambda redrive: "the budget of today is spent"})

    redrive = start(ALL)

    assert (redrive.state, redrive.stopped_by, redrive.handed_over) == ("stopped", "budget", 0)
    assert redrive.stop_reason == "the budget of today is spent"


def test_what_was_in_flight_when_it_stopped_is_settled_all_the_same():
    mine = list(DeadLetter.objects.filter(pk__in=letters.dead_many(30)).order_by("pk"))
    redrive = start(ALL, pace=30, canary=False)
    letters.run(*mine[:20], error="it broke")
    after(redrive, 1)
    assert (redrive.state, redrive.handed_over) == ("stopped", 10)
    finished_at = redrive.finished_at

    letters.run(*mine[20:])
    after(redrive, 2)

    assert (redrive.state, redrive.succeeded, redrive.handed_over) == ("stopped", 10, 0)
    assert redrive.finished_at == finished_at


# ------------------------------------------------------------------------- others have a hand in it


def test_a_letter_that_somebody_else_retried_is_skipped_even_if_it_failed_again_since():
    first, second, third = letters.dead(), letters.dead(), letters.dead()
    redrive = start(ALL, pace=1, canary=False)
    dead_letters.retry([second.pk, third.pk], actor=BEN, reason="now")
    letters.run(second, error="it broke")

    after(redrive, 5)

    assert states(redrive) == ["handed_over", "skipped", "skipped"]
    assert [item.why for item in items(redrive)][1:] == ["already retried by ben"] * 2
    second.refresh_from_db()
    assert (second.status, second.retries) == ("pending", 1)
    assert first.pk == items(redrive)[0].letter_id


def test_a_letter_that_was_resolved_or_deleted_meanwhile_is_skipped():
    _, second, third = letters.dead(), letters.dead(), letters.dead()
    redrive = start(ALL, pace=1, canary=False)
    dead_letters.resolve([second.pk], actor=BEN, note="not needed")
    Task.objects.filter(pk=third.task_id).delete()

    after(redrive, 5)

    assert [item.why for item in items(redrive)][1:] == [
        "already resolved by ben", "its dead letter was deleted",
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_letter_resolved_while_its_task_runs_is_neither_succeeded_nor_failed():
    first, second = letters.dead(), letters.dead()
    redrive = start(ALL, pace=5, canary=False)
    dead_letters.resolve([first.pk], actor=BEN, note="never mind")
    transitions.cancel([second.task_id], actor="ben", reason="not needed")

    after(redrive, 5)

    assert states(redrive) == ["skipped", "skipped"]
    assert [item.why for item in items(redrive)] == [
        "never mind (ben)", "its task was ended: not needed (ben)",
    ]  # fmt: skip
    assert redrive.state == "completed"


def test_a_letter_that_failed_again_before_somebody_else_retried_it_has_failed():
    letter = letters.dead()
    redrive = start([letter.pk], max_failure_rate=1)
    letters.run(letter, error="it broke")
    dead_letters.retry([letter.pk], actor=BEN, reason="once more")
    letters.run(letter)

    after(redrive, 5)

    [item] = items(redrive)
    assert (item.state, item.why) == ("failed", "failed again and was retried by ben")


@pytest.mark.django_db(transaction=True)
def test_skipped_letters_do_not_stand_in_for_the_canary():
    first, second, *_ = DeadLetter.objects.filter(pk__in=letters.dead_many(10)).order_by("pk")
    redrive = start(ALL)
    dead_letters.resolve([first.pk], actor=BEN, note="never mind")

    after(redrive, 5)

    assert redrive.stage == 0
    assert [item.letter_id for item in items(redrive, state="handed_over")] == [second.pk]


# ------------------------------------------------------------------------------------ the watchdog


def test_the_watchdog_takes_the_steps():
    letter = letters.dead()
    redrive = start([letter.pk])
    letters.run(letter)

    row = sweep.run({"redriven": sweep.DUTIES["redriven"]}, leader="me")

    redrive.refresh_from_db()
    assert redrive.state == "completed"
    assert row.counts == {"redriven": 1}


def test_a_redrive_that_cannot_go_on_stops_no_other(monkeypatch, caplog):
    first, second = letters.dead(), letters.dead()
    broken, sound = start([first.pk]), start([second.pk])
    letters.run(first, second)
    take = redrives.steps.take
    monkeypatch.setattr(redrives.steps, "take", lambda pk, now: 1 // 0 if pk == broken.pk else take(pk, now))

    assert redrives.advance(datetime(2030, 1, 1, tzinfo=UTC)) == 1

    sound.refresh_from_db()
    assert sound.state == "completed"
    assert f"redrive {broken.pk} could not go on" in caplog.text


def test_counts_agree_with_the_items_all_along():
    mine = list(DeadLetter.objects.filter(pk__in=letters.dead_many(30)).order_by("pk"))
    redrive = start(ALL, pace=10, max_failure_rate=0.5)

    for second in range(1, 9):
        flying = [letter for letter in mine if letter.pk in _handed(redrive)]
        letters.run(*flying[:1], error="it broke") if second == 4 else letters.run(*flying)
        after(redrive, second)
        found = {state: len(items(redrive, state=state)) for state in _COUNTED}
        assert {state: getattr(redrive, state) for state in _COUNTED} == found
    assert redrive.total == sum(found.values()) == 30


_COUNTED = ("waiting", "handed_over", "succeeded", "failed", "skipped")


def _handed(redrive: Redrive) -> set:
    return {item.letter_id for item in items(redrive, state="handed_over")}


def test_time_passes_only_as_it_is_told():
    letters.dead_many(5)
    redrive = start(ALL, pace=1, canary=False)
    now = redrive.advanced_at + timedelta(seconds=2)

    for _ in range(5):
        redrives.advance(now)

    redrive.refresh_from_db()
    assert redrive.handed_over == 3
