"""Usage is believed only when it can be: what cannot be read is unknown, never free."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.providers import usage
from governance.costs.pricing import MOST_TOKENS, NO_USAGE, Usage


def read(reported, *, has_content=True):
    return usage.read({"usage": reported}, has_content=has_content)


@pytest.mark.parametrize(
    ("reported", "tokens"),
    [
        ({"prompt_tokens": 12, "completion_tokens": 7}, (12, 7)),
        ({"prompt_tokens": "12", "completion_tokens": " 7 "}, (12, 7)),
        ({"prompt_tokens": 12.0, "completion_tokens": "7.0"}, (12, 7)),
        ({"input_tokens": 1200, "output_tokens": 700}, (1200, 700)),
        ({"prompt_tokens": None, "input_tokens": 12, "output_tokens": 7}, (12, 7)),
        ({"prompt_tokens": 10, "input_tokens": 12, "completion_tokens": 7, "output_tokens": 7}, (12, 7)),
        ({"prompt_tokens": 0, "completion_tokens": 7}, (0, 7)),
        ({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": "many"}, (12, 7)),
        ({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 30}, (12, 18)),
        ({"prompt_tokens": 12, "completion_tokens": 7, "completion_tokens_details": None}, (12, 7)),
    ],
)
def test_counts_are_read_in_both_vocabularies_as_numbers_or_text(reported, tokens):
    reading = read(reported)

    assert (reading.usage.input_tokens, reading.usage.output_tokens) == tokens
    assert (reading.problem, reading.cost_usd) == ("", None)


@pytest.mark.parametrize(
    "reported",
    [
        None,
        {},
        [],
        "12",
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0},
        {"prompt_tokens": 12, "completion_tokens": 0},
        {"prompt_tokens": 12},
        {"completion_tokens": 7},
        {"total_tokens": 19},
        {"cost": 0},
        {"prompt_tokens": -12, "completion_tokens": 7},
        {"prompt_tokens": 12.0, "completion_tokens": 7.5},
        {"prompt_tokens": True, "completion_tokens": 7},
        {"prompt_tokens": "twelve", "completion_tokens": 7},
        {"prompt_tokens": "1e3", "completion_tokens": 7},
        {"prompt_tokens": [12], "completion_tokens": 7},
        {"prompt_tokens": 10**15, "completion_tokens": 7},
        {"prompt_tokens": 12, "completion_tokens": 1e300},
        {"prompt_tokens": 12, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 13}},
        {"prompt_tokens": 12, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": "all"}},
        {"prompt_tokens": 12, "completion_tokens": 7, "prompt_tokens_details": "none"},
        {"input_tokens": 12, "output_tokens": 7, "cache_read_input_tokens": -1},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": 1e30},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": -1},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": "NaN"},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": "Infinity"},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": True},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": "free"},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": 10_001},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": "1_0"},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": "\u0665"},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": "0" * 120 + "5"},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": "0." + "0" * 120 + "5"},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": {}},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": {"input_tokens_cost": 0.1}},
        {"prompt_tokens": 12, "completion_tokens": 7, "cost": {"total_cost": -1}},
    ],
)
def test_anything_else_is_unknown_and_says_why(reported):
    reading = read(reported)

    assert (reading.usage, reading.cost_usd) == (NO_USAGE, None)
    assert reading.problem


def test_an_answer_without_content_may_have_cost_no_output():
    assert read({"prompt_tokens": 12, "completion_tokens": 0}, has_content=False).usage == Usage(12, 0)


def test_what_a_cache_read_and_wrote_is_part_of_the_input_or_comes_on_top_of_it():
    openai = {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}}
    anthropic = {
        "input_tokens": 40,
        "output_tokens": 7,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 10,
    }
    responses = {"input_tokens": 100, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 60}}
    both = {"prompt_tokens": 100, "completion_tokens": 7, "cache_read_input_tokens": 60}

    assert read(openai).usage == read(responses).usage == read(both).usage == Usage(100, 7, 60)
    assert read(anthropic).usage == Usage(110, 7, 60, 10)


def test_reasoning_that_is_counted_beside_the_output_is_added_to_it():
    details = {"completion_tokens_details": {"reasoning_tokens": 50}}

    assert read({"prompt_tokens": 12, "completion_tokens": 70} | details).usage.output_tokens == 70
    assert read({"prompt_tokens": 12, "completion_tokens": 7} | details).usage.output_tokens == 57


@pytest.mark.parametrize(
    ("cost", "usd"),
    [
        ({"cost": 0.002}, "0.002"),
        ({"cost": "0.002"}, "0.002"),
        ({"cost": 0}, "0"),
        ({"cost": " 2e-3 "}, "0.002"),
        ({"cost": {"input_tokens_cost": 0.001, "request_cost": 0.005, "total_cost": 0.006}}, "0.006"),
        ({"cost": 0, "is_byok": "true", "cost_details": {"upstream_inference_cost": 0.03}}, "0.03"),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.03}}, "0.03"),
        ({"cost": 0, "cost_details": {"upstream_inference_cost": 0.03}}, "0.03"),
        ({"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.03}}, "0.031"),
        ({"cost": 0.03, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.02}}, "0.03"),
        ({"cost": 0.03, "cost_details": {"upstream_inference_cost": None}}, "0.03"),
    ],
)
def test_the_provider_s_cost_counts_the_upstream_s_with_a_key_of_one_s_own(cost, usd):
    assert read({"prompt_tokens": 12, "completion_tokens": 7} | cost).cost_usd == Decimal(usd)


@pytest.mark.parametrize("is_byok", [True, "true", 1])
def test_a_key_of_one_s_own_is_not_free_because_the_upstream_s_cost_is_not_said(is_byok):
    reading = read({"prompt_tokens": 12, "completion_tokens": 7, "cost": 0, "is_byok": is_byok})

    assert (reading.usage, reading.cost_usd, reading.problem) == (Usage(12, 7), None, "")


def test_a_cost_stands_without_its_tokens():
    assert read({"cost": 0.002, "prompt_tokens": "?"}) == usage.UsageReading(cost_usd=Decimal("0.002"))


@pytest.mark.parametrize("details", [[], "", {}, None])
def test_details_that_are_empty_say_nothing(details):
    reported = {"prompt_tokens": 12, "completion_tokens": 7, "prompt_tokens_details": details}

    assert read(reported).usage == Usage(12, 7)


@pytest.mark.parametrize(
    ("reported", "readable"),
    [
        ({"prompt_tokens": 12, "completion_tokens": "?"}, Usage(12, 0)),
        ({"prompt_tokens": -1, "completion_tokens": 7}, Usage(0, 7)),
        ({"prompt_tokens": 12, "completion_tokens": 7, "cost": 1e30}, Usage(12, 7)),
        ({"input_tokens": 5, "cache_read_input_tokens": 100}, Usage(105, 0)),
        (
            {"input_tokens": 5, "cache_creation_input_tokens": 9, "output_tokens": True},
            Usage(14, 0, cache_write_tokens=9),
        ),
        ({"total_tokens": 19}, NO_USAGE),
    ],
)
def test_what_can_be_read_of_an_unreadable_usage_is_kept_as_the_least(reported, readable):
    assert read(reported).readable == readable


VOCABULARY = ["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens", "cost"]
CACHES = ["cache_read_input_tokens", "cache_creation_input_tokens"]
DETAILS = ["cached_tokens", "cache_write_tokens", "reasoning_tokens", "upstream_inference_cost"]
NESTED = ["prompt_tokens_details", "completion_tokens_details", "cost_details"]
odd = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.integers(0, 100)
    | st.floats()
    | st.text(max_size=8)
    | st.integers(0, 10**12).map(str)
    | st.lists(st.integers(), max_size=2)
)
details = st.dictionaries(st.sampled_from(DETAILS), odd)
reports = st.builds(
    dict.__or__,
    st.dictionaries(st.sampled_from([*VOCABULARY, *CACHES, "is_byok"]), odd),
    st.dictionaries(st.sampled_from(NESTED), details | odd),
)


def readable(reported, *names):
    """The largest count that anybody would read under one of these names; 0 if there is none."""
    values = [value for name in names if isinstance(value := reported.get(name), int | float)]
    counts = [v for v in values if not isinstance(v, bool) and 0 <= v <= MOST_TOKENS and v == int(v)]
    return max(counts, default=0)


@settings(deadline=None)
@given(reports)
def test_no_answer_with_content_costs_less_than_its_readable_part(reported):
    reading = read(reported)

    if reading.problem:
        assert (reading.usage, reading.cost_usd) == (NO_USAGE, None)
        assert reading.readable.output_tokens >= readable(reported, "completion_tokens", "output_tokens")
        assert reading.readable.input_tokens >= readable(reported, "prompt_tokens", "input_tokens")
        assert reading.readable.input_tokens <= MOST_TOKENS
        return
    assert reading.cost_usd is None or 0 <= reading.cost_usd <= 10_000
    if reading.usage == NO_USAGE:
        assert reading.cost_usd  # the provider's own figure, and more than nothing
        return
    tokens = reading.usage
    assert tokens.output_tokens >= max(1, readable(reported, "completion_tokens", "output_tokens"))
    assert tokens.input_tokens >= readable(reported, "prompt_tokens", "input_tokens")
    assert tokens.cache_read_tokens + tokens.cache_write_tokens <= tokens.input_tokens
