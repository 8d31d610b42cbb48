"""When something is due: by cron in a time zone with daylight saving, and at intervals."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from types import SimpleNamespace

import pytest

from governance.schedules import cron as schedules_cron

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


def cron(text, timezone="Europe/Berlin"):
    return SimpleNamespace(kind="cron", cron=text, every_seconds=None, timezone=timezone, anchor_at=ANCHOR)


def every(seconds):
    return SimpleNamespace(kind="interval", cron="", every_seconds=seconds, timezone="UTC", anchor_at=ANCHOR)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(found, moment, count):
    return [f"{time:%m-%d %H:%M}" for time in islice(schedules_cron.after(found, at(moment)), count)]


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        # Berlin is put forward on 29 March at 2:00 (1:00 UTC): 2:30 does not exist, and runs at 3:00.
        ("30 2 * * *", "2026-03-28T00:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        # It is put back on 25 October at 3:00 (1:00 UTC): 2:30 comes twice, and runs once.
        ("30 2 * * *", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30", "10-27 01:30"]),
        # What runs every hour goes on through both.
        ("0 * * * *", "2026-03-29T00:00", ["03-29 01:00", "03-29 02:00", "03-29 03:00"]),
        ("0 * * * *", "2026-10-24T23:00", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
        ("0 9 * * mon-fri", "2026-11-27T12:00", ["11-30 08:00", "12-01 08:00", "12-02 08:00"]),
    ],
    ids=["gap", "twice", "hourly-gap", "hourly-twice", "weekdays"],
)
def test_cron_goes_by_the_clocks_of_its_time_zone(text, moment, expected):
    assert times(cron(text), moment, 3) == expected


def test_an_interval_counts_from_its_anchor_and_not_from_when_somebody_asks():
    assert times(every(3600 * 5), "2026-01-01T07:30", 3) == ["01-01 10:00", "01-01 15:00", "01-01 20:00"]


def test_a_time_itself_is_not_after_itself():
    assert schedules_cron.next_after(every(60), ANCHOR) == ANCHOR + timedelta(minutes=1)
    assert schedules_cron.next_after(cron("* * * * *"), ANCHOR) == ANCHOR + timedelta(minutes=1)
    assert schedules_cron.next_after(every(60), ANCHOR - timedelta(microseconds=1)) == ANCHOR


@pytest.mark.parametrize("found", [cron("*/5 * * * *"), every(300)], ids=["cron", "interval"])
def test_the_newest_of_a_year_are_found_without_reading_the_year(found):
    until = ANCHOR + timedelta(days=365, seconds=1)

    newest = schedules_cron.newest(found, since=ANCHOR, until=until, most=3)

    assert newest == [ANCHOR + timedelta(days=365) - timedelta(minutes=m) for m in (10, 5, 0)]


def test_no_more_is_found_than_there_was():
    assert schedules_cron.newest(every(60), since=ANCHOR, until=ANCHOR + timedelta(seconds=90), most=9) == [
        ANCHOR,
        ANCHOR + timedelta(seconds=60),
    ]


def test_counting_stops():
    last = ANCHOR + timedelta(days=900)

    assert schedules_cron.count(every(10), since=ANCHOR, before=last, most=500) == 500
    assert schedules_cron.count(every(10), since=ANCHOR, before=ANCHOR + timedelta(seconds=30), most=500) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("61 * * * *", "bad minute"),
        ("* * *", "five fields are expected"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("* * * * * *", "five fields are expected"),
        ("@reboot", "one of @yearly, .*@hourly are expected"),
    ],
    ids=["minute", "three", "never", "seconds", "reboot"],
)
def test_what_never_comes_is_refused(text, said):
    with pytest.raises(schedules_cron.NeverDue, match=said):
        schedules_cron.next_after(cron(text), ANCHOR)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        (" @Midnight ", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_the_names_of_crontab_are_understood(name, fields):
    assert schedules_cron.next_after(cron(name), ANCHOR) == schedules_cron.next_after(cron(fields), ANCHOR)
