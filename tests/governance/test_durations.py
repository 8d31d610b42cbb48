"""Spans of time in words."""

from datetime import timedelta

import pytest

from governance.units import roughly


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=0.4), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=119), "1 min"),
        (timedelta(hours=1, minutes=59), "1 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(hours=48), "2 d"),
        (timedelta(seconds=-90), "1 min"),
    ],
)
def test_a_glance_needs_one_unit(span, said):
    assert roughly(span) == said
