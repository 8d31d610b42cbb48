"""What people do with redrives: preview, start, pause, resume, abort; and what they are refused."""

from decimal import Decimal
from uuid import uuid4

import pytest

from governance.access.actors import Actor
from governance.errors import EmptyFilter, Forbidden, InvalidInput
from governance.models import DeadLetter, Task
from reliability import redrives
from reliability.dead_letters import filters
from reliability.dead_letters import services as dead_letters
from reliability.errors import RedriveConflict, RedriveNotFound
from reliability.models import Redrive
from tests.reliability import letters
from tests.reliability.redriving import ALL, ANN, BEN, after, items, start, states

pytestmark = pytest.mark.django_db
NOBODY = Actor("eve")


def preview(chosen=ALL, **terms):
    return redrives.preview(chosen, actor=ANN, **terms)


def in_state(state: str) -> Redrive:
    """A redrive of three letters that has come into this state."""
    letters.dead_many(3)
    redrive = start(ALL, pace=1, canary=False)
    if state == "paused":
        redrives.pause(redrive.pk, actor=ANN)
    elif state == "aborted":
        redrives.abort(redrive.pk, actor=ANN, reason="a mistake")
    elif state != "running":
        Redrive.objects.update(state=state, finished_at=redrive.created_at, waiting=0, skipped=2)
    redrive.refresh_from_db()
    assert redrive.state == state
    return redrive


# ---------------------------------------------------------------------------------------- preview


def test_a_preview_says_how_many_and_why_not_the_others_and_changes_nothing():
    done, flying, *_ = letters.dead("no money"), letters.dead("no money"), letters.dead("no money")
    letters.dead("no time")
    dead_letters.resolve([done.pk], actor=BEN, note="paid")
    dead_letters.retry([flying.pk], actor=BEN, reason="paid")

    seen = preview(filters.parse({"matching": "no "}), pace=0.5)

    assert seen.text == 'matching "no "'
    assert (seen.eligible, seen.left_out) == (2, {"already retrying": 1, "already resolved": 1})
    assert (seen.plan, seen.at_least_seconds) == ([1, 2], 4)
    assert not Redrive.objects.exists()
    assert DeadLetter.objects.filter(status="pending").count() == 2


def test_a_preview_names_the_groups_the_largest_first():
    letters.dead_many(3, "no money")
    letters.dead_many(1, "no time")

    seen = preview()

    assert seen.group_count == 2
    assert [(group.failure_reason, group.letters) for group in seen.groups] == [
        ("no money", 3),
        ("no time", 1),
    ]


def test_a_preview_of_ids_counts_those_that_nobody_knows():
    letter = letters.dead()

    seen = preview([letter.pk, letter.pk, uuid4()])

    assert (seen.eligible, seen.left_out) == (1, {"no such dead letter": 1})


def test_the_price_is_forecast_from_what_earlier_attempts_cost():
    paid, free = letters.dead(cost_usd=Decimal("0.06")), letters.dead()
    Task.objects.filter(pk=paid.task_id).update(attempts=3, max_attempts=5)

    forecast = preview([paid.pk, free.pk]).forecast

    assert forecast.one_attempt_usd == Decimal("0.02")
    assert forecast.all_attempts_usd == Decimal("0.1")
    assert forecast.letters_unknown == 1


def test_a_price_that_nobody_recorded_is_unknown():
    forecast = preview([letters.dead().pk]).forecast

    assert forecast == redrives.Forecast(None, None, 1)


# ------------------------------------------------------------------------------------------ start


def test_a_redrive_says_who_asked_for_what_and_why():
    letters.dead("no money")

    redrive = start(filters.parse({"matching": "money", "cause": "permanent"}), pace=3)

    assert redrive.filter == {"matching": "money", "cause": ["permanent"]}
    assert redrive.filter_text == "cause permanent, matching money"
    assert (redrive.reason, redrive.started_by) == ("the key was renewed", "ann")
    assert (redrive.pace_per_second, redrive.max_failure_rate) == (3, 0.2)
    assert start([uuid4(), uuid4()]).filter_text == "2 chosen dead letters"


def test_what_can_not_be_retried_is_left_out_and_counted():
    letter, resolved = letters.dead(), letters.dead()
    dead_letters.resolve([resolved.pk], actor=BEN, note="paid")

    redrive = start([letter.pk, resolved.pk, uuid4()])

    assert redrive.total == 1
    assert redrive.left_out == {"already resolved": 1, "no such dead letter": 1}


def test_a_redrive_of_nothing_completes_at_once_and_says_why():
    letter = letters.dead()
    dead_letters.retry([letter.pk], actor=BEN, reason="now")

    redrive = start([letter.pk])

    assert (redrive.state, redrive.total) == ("completed", 0)
    assert redrive.left_out == {"already retrying": 1}


def test_the_same_redrive_asked_for_twice_retries_once():
    letter = letters.dead()

    start([letter.pk])
    second = start([letter.pk])

    letter.refresh_from_db()
    assert letter.retries == 1
    assert second.left_out == {"already retrying": 1}


@pytest.mark.parametrize("act", [start, preview])
def test_an_empty_choice_is_refused(act):
    letters.dead()

    with pytest.raises(EmptyFilter):
        act(filters.parse({}))
    with pytest.raises(InvalidInput, match="ids: 1 to 10000 ids are expected"):
        act([])
    assert not Redrive.objects.exists()


def test_every_wrong_term_is_named():
    with pytest.raises(InvalidInput) as refusal:
        redrives.start(ALL, actor=ANN, reason=" ", pace=0, max_failure_rate=2)

    assert {error.field for error in refusal.value.errors} == {"reason", "pace", "max_failure_rate"}
    with pytest.raises(InvalidInput, match="pace"):
        preview(pace=float("nan"))
    assert not Redrive.objects.exists()


def test_without_the_permission_nothing_is_done():
    letter = letters.dead()
    redrive = start([letter.pk])

    for act in (
        lambda: redrives.preview(ALL, actor=NOBODY),
        lambda: redrives.start(ALL, actor=NOBODY, reason="please"),
        lambda: redrives.pause(redrive.pk, actor=NOBODY),
        lambda: redrives.resume(redrive.pk, actor=NOBODY),
        lambda: redrives.abort(redrive.pk, actor=NOBODY, reason="please"),
    ):
        with pytest.raises(Forbidden, match="retry_deadletter"):
            act()
    assert Redrive.objects.get().state == "running"


# ------------------------------------------------------------------------------------ pause, resume


def test_a_paused_redrive_hands_nothing_over_and_still_learns_what_became_of_the_rest():
    first, second, third = letters.dead(), letters.dead(), letters.dead()
    redrive = start(ALL, pace=1, canary=False)

    redrives.pause(redrive.pk, actor=BEN, reason="let us see")
    letters.run(first)
    after(redrive, 60)

    assert states(redrive) == ["succeeded", "waiting", "waiting"]
    assert (redrive.state, redrive.stopped_by, redrive.stop_reason) == ("paused", "ben", "let us see")
    assert second.task_id != third.task_id


def test_a_resumed_redrive_goes_on_at_its_pace_without_making_up_for_the_pause():
    letters.dead_many(60)
    redrive = start(ALL, pace=2, canary=False)
    redrives.pause(redrive.pk, actor=BEN)
    Redrive.objects.update(advanced_at=redrive.advanced_at.replace(year=2020))

    resumed = redrives.resume(redrive.pk, actor=ANN)
    redrives.advance(resumed.advanced_at)
    redrive.refresh_from_db()

    assert (redrive.state, redrive.handed_over, redrive.stopped_by) == ("running", 2, "")


def test_what_has_nothing_left_to_wait_for_completes_even_if_it_is_paused():
    letter = letters.dead()
    redrive = start([letter.pk])
    redrives.pause(redrive.pk, actor=BEN)

    letters.run(letter)
    after(redrive, 5)

    assert redrive.state == "completed"


def test_an_aborted_redrive_skips_the_rest_and_settles_what_is_in_flight():
    first, *_ = letters.dead(), letters.dead(), letters.dead()
    redrive = start(ALL, pace=1, canary=False)

    redrives.abort(redrive.pk, actor=BEN, reason="the wrong group")
    after(redrive, 60)
    assert states(redrive) == ["handed_over", "skipped", "skipped"]
    letters.run(first)
    after(redrive, 65)

    assert (redrive.state, redrive.stopped_by, redrive.stop_reason) == ("aborted", "ben", "the wrong group")
    assert (redrive.succeeded, redrive.skipped) == (1, 2)
    assert items(redrive)[1].why == "aborted: the wrong group"
    assert DeadLetter.objects.filter(status="pending", retries=0).count() == 2


@pytest.mark.parametrize(
    ("verb", "arguments", "from_states"),
    [
        (redrives.pause, {}, {"running"}),
        (redrives.resume, {}, {"paused"}),
        (redrives.abort, {"reason": "a mistake"}, {"running", "paused"}),
    ],
    ids=["pause", "resume", "abort"],
)
@pytest.mark.parametrize("state", Redrive.State.values)
def test_a_verb_in_a_wrong_state_is_refused_with_the_state_found(verb, arguments, from_states, state):
    redrive = in_state(state)

    if state in from_states:
        verb(redrive.pk, actor=ANN, **arguments)
        return
    with pytest.raises(RedriveConflict, match=f"cannot {verb.__name__} redrive .*: it is {state}") as refusal:
        verb(redrive.pk, actor=ANN, **arguments)

    assert refusal.value.found == state
    redrive.refresh_from_db()
    assert redrive.state == state


def test_a_redrive_that_nobody_knows_is_not_found():
    with pytest.raises(RedriveNotFound, match="no redrive has the id"):
        redrives.pause(uuid4(), actor=ANN)
