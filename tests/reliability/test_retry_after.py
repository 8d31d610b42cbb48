"""`Retry-After` is somebody else's text: read where it can be, and never a reason to fail."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability import retry_after

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", timedelta(0)),
        ("30", timedelta(seconds=30)),
        (" 1.5 ", timedelta(seconds=1.5)),
        ("Tue, 01 Dec 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Tue, 01 Dec 2026 13:00:30 +0100", timedelta(seconds=30)),
        ("Tue, 01 Dec 2026 12:00:30", timedelta(seconds=30)),
        ("Mon, 30 Nov 2026 12:00:00 GMT", timedelta(0)),
        ("999999999999", WEEK),
        ("Fri, 31 Dec 9999 23:59:59 GMT", WEEK),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e30", WEEK),
        ("9e999", WEEK),
        ("inf", None),
        ("nan", None),
        ("1_000", None),
        ("\u0661\u0662", None),
        ("9" * 5000, None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", WEEK),
        ("Mon, 01 Jan 0001 00:00:00 +2359", timedelta(0)),
        ("Tue, 01 Dec 2026 12:00:30 +9999", None),
        ("Tue, 99 Dec 2026 12:00:30 GMT", None),
    ],
)
def test_a_header_is_seconds_or_a_date_or_nothing(text, wait):
    assert retry_after.read_header(text, NOW) == wait


DAY = st.integers(-1, 400)
DATES = st.builds(
    "{} {} {} {:02}:{:02}:{:02} {}{:04}".format,
    DAY,
    st.sampled_from(["Jan", "Feb", "Dec", "Foo"]),
    st.integers(-1, 99_999),
    DAY,
    DAY,
    DAY,
    st.sampled_from(["+", "-", "", "GMT"]),
    st.integers(0, 99_999),
)


@settings(deadline=None)
@given(st.text(max_size=30) | DATES)
def test_no_header_and_no_moment_is_a_reason_to_fail(text):
    for read in (retry_after.read_header, retry_after.read_moment):
        wait = read(text, NOW)
        assert wait is None or timedelta(0) <= wait <= WEEK


@pytest.mark.parametrize(
    ("moment", "wait"),
    [
        ("2026-12-01T12:01:00Z", timedelta(minutes=1)),
        ("2026-12-01T12:01:00", timedelta(minutes=1)),
        ("9999-12-31T23:59:59-23:59", WEEK),
        ("0001-01-01T00:00:00+23:59", timedelta(0)),
        (None, None),
        ({"at": 1}, None),
        (10**30, None),
    ],
)
def test_a_moment_is_iso_8601_or_nothing(moment, wait):
    assert retry_after.read_moment(moment, NOW) == wait
