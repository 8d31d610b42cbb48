"""A body is looked at before it is parsed, and read where a strict parser would refuse the whole of it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers import body

TEXTS = st.text(st.sampled_from('a"\\[]{},:\x00é'), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def size(value):
    """How many brackets and commas its JSON has, outside of texts."""
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(len(value) - 1, 0) + sum(map(size, inner))


@given(VALUES, st.integers(1, 6), st.integers(1, 12))
def test_depth_and_number_of_values_are_known_before_it_is_parsed(value, deepest, most):
    raw = orjson.dumps(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "MAX_DEPTH", deepest)
        patch.setattr(body, "MAX_VALUES", most)

        flaw = body.find_error(raw)

    assert (flaw is not None) == (depth(value) > deepest or size(value) > most or names(raw) > 4 * most)


def names(raw):
    return raw.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"')


@given(st.binary(max_size=60))
def test_no_body_makes_it_raise(raw):
    body.parse(raw)


@given(VALUES)
def test_what_is_strict_json_is_read_as_such(value):
    assert body.parse(orjson.dumps(value)) == value


@pytest.mark.parametrize(
    ("raw", "flaw"),
    [
        (b"[" * 101 + b"]" * 101, "nested more than 100 levels"),
        (b"[" * 1_000_000, "more than 100000 values"),
        (b"[" + b"{}," * 100_000 + b"{}]", "more than 100000 values"),
        (b"[" + b'"",' * 300_000 + b'""]', "more than 100000 values"),
        (b" " * 8_500_000, "more than 8388608 bytes"),
    ],
    ids=["deep", "deep and long", "many objects", "many texts", "long"],
)
def test_what_is_beyond_the_bounds_is_not_parsed(raw, flaw):
    assert flaw in str(body.find_error(raw))
    assert body.parse(raw) is None


@pytest.mark.parametrize(
    "raw",
    [b'"' + b'\\"' * 4_000_000, b'"' * 8_000_000, b"\\" * 8_000_000, b'"' + b"[{," * 2_000_000 + b'"'],
    ids=["escapes", "quotes", "backslashes", "brackets in a text"],
)
def test_looking_at_a_body_of_8_mb_takes_one_pass(raw):
    body.find_error(raw)  # one that goes back would not come to an end


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (rb'{"a": "x\ud800y"}', {"a": "x\ufffdy"}),
        (rb'{"a": "\udc00\ud83d"}', {"a": "\ufffd\ufffd"}),
        (rb'{"\ud800": "\ud83d\ude00 \\ud800"}', {"\ufffd": "\U0001f600 \\ud800"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": "one\ntwo"}', {"a": "one\ntwo"}),
        (b'{"a": 1e400, "b": NaN, "c": -Infinity}', {"a": None, "b": None, "c": None}),
        (b'{"a": ' + b"9" * 5_000 + b"}", {"a": None}),
        (b'{"a": NaN, "b": ' + b"9" * 30 + b"}", {"a": None, "b": 1e30}),
    ],
    ids=range(9),
)
def test_what_is_clear_is_read_although_a_strict_parser_refuses_it(raw, value):
    assert body.parse(raw) == value


@pytest.mark.parametrize("raw", [b"", b"{", b"<html>", b'{"a": }', b"{'a': 1}"])
def test_what_is_no_json_is_none(raw):
    assert body.parse(raw) is None
