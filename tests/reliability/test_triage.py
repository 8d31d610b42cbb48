"""Groups of failures are open, known, or ignored until something happens."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from governance.access.actors import Actor
from governance.errors import Forbidden, GroupNotFound, InvalidInput
from governance.models import DeadLetter, FailureHour, FailureSignature
from reliability.dead_letters import triage
from reliability.watchdog import sweep
from tests.reliability import letters
from tests.reliability.redriving import ANN, BEN

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("executor")]
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


def group(error: str = "no money", *, count: int = 1) -> FailureSignature:
    ids = letters.dead_many(count, error)
    return FailureSignature.objects.get(letters=ids[0])


def ignore(of: FailureSignature, **until):
    return triage.ignore(of.pk, actor=ANN, note="the vendor knows", **until)


def state(of: FailureSignature) -> str:
    of.refresh_from_db()
    return of.triage


def failures_in(of: FailureSignature, hour: datetime, count: int) -> None:
    FailureHour.objects.create(signature=of, hour=hour, failures=count)


def test_a_group_that_is_known_says_what_is_known_who_says_so_and_when():
    mine = group()

    triage.mark_known(mine.pk, actor=ANN, note="the scale is broken")

    mine.refresh_from_db()
    assert (mine.triage, mine.note, mine.triaged_by) == ("known", "the scale is broken", "ann")
    assert mine.triaged_at
    assert timezone.now() - mine.triaged_at < timedelta(minutes=1)


def test_a_group_that_is_opened_again_is_not_ignored_any_more():
    mine = group()
    ignore(mine, failures=5, per_hour=7, until=NOON)

    triage.reopen(mine.pk, actor=BEN, note="not so harmless")

    mine.refresh_from_db()
    assert (mine.triage, mine.note, mine.triaged_by) == ("open", "not so harmless", "ben")
    assert (mine.ignored_until, mine.ignored_until_failures, mine.ignored_until_per_hour) == (None,) * 3


def test_triage_leaves_the_counts_alone():
    mine = group(count=3)

    ignore(mine, failures=5)
    letters.dead_many(2, "no money")

    mine.refresh_from_db()
    assert (mine.pending, mine.failures) == (5, 5)


def test_ignoring_ends_at_its_time():
    mine, other = group("no money"), group("no time")
    ignore(mine, until=NOON)
    ignore(other, until=NOON + timedelta(hours=1))

    assert triage.end_ignoring(NOON - timedelta(seconds=1)) == 0
    assert triage.end_ignoring(NOON) == 1

    assert (state(mine), state(other)) == ("open", "ignored")
    assert (mine.triaged_by, mine.triaged_at) == ("WATCHDOG", NOON)
    assert mine.note == ("the time until which it was ignored has come; ignored before: the vendor knows")
    assert mine.ignored_until is None


def test_ignoring_ends_after_so_many_more_failures():
    mine = group(count=3)
    ignore(mine, failures=2)

    letters.dead_many(1, "no money")
    assert triage.end_ignoring(NOON) == 0
    letters.dead_many(1, "no money")
    assert triage.end_ignoring(NOON) == 1

    assert state(mine) == "open"
    assert mine.note.startswith("it failed as often as it was to be ignored")


def test_ignoring_ends_when_so_many_come_in_one_hour():
    mine = group()
    ignore(mine, per_hour=10, now=NOON - timedelta(hours=5))
    failures_in(mine, NOON - timedelta(hours=2), 50)
    failures_in(mine, NOON, 9)
    assert triage.end_ignoring(NOON + timedelta(minutes=5)) == 0

    FailureHour.objects.filter(signature=mine, hour=NOON).update(failures=10)

    assert triage.end_ignoring(NOON + timedelta(minutes=59)) == 1
    assert state(mine) == "open"
    assert mine.note.startswith("it failed 10 times in one hour")


def test_failures_at_the_end_of_an_hour_are_seen_in_the_next():
    mine = group()
    ignore(mine, per_hour=10, now=NOON - timedelta(minutes=30))
    failures_in(mine, NOON - timedelta(hours=1), 10)

    assert triage.end_ignoring(NOON + timedelta(seconds=3)) == 1


def test_failures_of_an_hour_before_it_was_ignored_do_not_end_it():
    mine = group()
    failures_in(mine, NOON - timedelta(hours=1), 99)

    ignore(mine, per_hour=10, now=NOON)

    assert triage.end_ignoring(NOON + timedelta(minutes=5)) == 0
    assert state(mine) == "ignored"


def test_whichever_end_comes_first_counts():
    mine = group()
    ignore(mine, until=NOON, failures=1000)

    assert triage.end_ignoring(NOON) == 1


def test_what_is_open_or_known_is_left_as_it_is():
    mine, other = group("no money"), group("no time")
    triage.mark_known(mine.pk, actor=ANN, note="the scale")

    assert triage.end_ignoring(NOON) == 0
    assert (state(mine), state(other)) == ("known", "open")


def test_the_watchdog_ends_it():
    mine = group()
    ignore(mine, failures=1)
    letters.dead_many(1, "no money")

    row = sweep.run({"reopened": sweep.DUTIES["reopened"]}, leader="me")

    assert row.counts == {"reopened": 1}
    assert state(mine) == "open"


@pytest.mark.parametrize(
    ("until", "field", "message"),
    [
        ({}, "until", "say until when"),
        ({"until": "2020-01-01T00:00:00Z"}, "until", "a time to come is expected"),
        ({"until": "tomorrow"}, "until", "valid datetime"),
        ({"failures": 0}, "failures", "greater than or equal to 1"),
        ({"per_hour": "many"}, "per_hour", "valid integer"),
        ({"for_ever": True}, "for_ever", "not permitted"),
    ],
)
def test_an_end_that_is_none_is_refused(until, field, message):
    mine = group()

    with pytest.raises(InvalidInput, match=message) as refusal:
        ignore(mine, **until)

    assert refusal.value.errors[0].field == field
    assert state(mine) == "open"


def test_a_rate_that_is_reached_already_is_refused():
    mine = group()
    failures_in(mine, NOON, 12)

    with pytest.raises(InvalidInput, match="it has failed 12 times in this hour already"):
        ignore(mine, per_hour=12, now=NOON + timedelta(minutes=10))


def test_a_note_says_something():
    mine = group()

    for act in (triage.mark_known, triage.ignore):
        with pytest.raises(InvalidInput, match="note"):
            act(mine.pk, actor=ANN, note=" ")


def test_without_the_permission_nothing_is_done():
    mine, eve = group(), Actor("eve")

    for act in (triage.reopen, triage.mark_known):
        with pytest.raises(Forbidden, match="triage_failuresignature"):
            act(mine.pk, actor=eve, note="let me")
    with pytest.raises(Forbidden, match="triage_failuresignature"):
        triage.ignore(mine.pk, actor=eve, note="let me", failures=1)
    assert state(mine) == "open"


def test_a_group_that_nobody_knows_is_not_found():
    with pytest.raises(GroupNotFound):
        triage.reopen(uuid4(), actor=ANN)
    with pytest.raises(GroupNotFound):
        triage.ignore(uuid4(), actor=ANN, note="x", failures=1)


def test_ignored_letters_are_still_there_to_be_retried():
    mine = group(count=2)

    ignore(mine, failures=9)

    assert DeadLetter.objects.filter(signature=mine, status="pending").count() == 2
