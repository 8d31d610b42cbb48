"""Prices: the provider's own figure, then the price list, then the operator's; and the worst case before."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from governance.costs import pricing
from governance.costs.pricing import Price, Usage
from governance.errors import UnknownPrice
from governance.models import ModelPrice

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 1, tzinfo=UTC)
SONNET: dict[str, Any] = {"service": "openrouter", "model": "anthropic/claude-sonnet-4"}
TIERED: dict[str, Any] = {"service": "google", "model": "gemini-2.5-pro"}
OWN: dict[str, Any] = {"service": "local", "model": "llama-at-home"}


@pytest.fixture
def own_price(db):
    return ModelPrice.objects.create(
        **OWN,
        input_usd_per_mtok=2,
        output_usd_per_mtok=8,
        cache_write_usd_per_mtok=3,
        request_usd=Decimal("0.001"),
    )


@pytest.mark.parametrize("said", [Decimal("0.0042"), 0.0042, "0.0042"])
def test_the_provider_is_believed_first(said):
    price = pricing.actual(**SONNET, usage=Usage(1000, 100), provider_cost=said)

    assert price == Price(Decimal("0.0042"), "provider")


def test_zero_is_a_price():
    assert pricing.actual(**SONNET, usage=Usage(1000, 100), provider_cost=0) == Price(Decimal(0), "provider")


@pytest.mark.parametrize("said", [None, -1, "NaN", float("inf"), "free", True, {}])
def test_what_is_no_amount_is_not_believed(said):
    price = pricing.actual(**SONNET, usage=Usage(1000, 100), provider_cost=said, at=AT)

    assert price == Price(Decimal("0.0045"), "genai-prices")


def test_cached_and_written_tokens_have_their_own_rates():
    usage = Usage(1000, 100, cache_read_tokens=200, cache_write_tokens=100)

    price = pricing.actual(**SONNET, usage=usage, at=AT)

    rates = 700 * 3 + 200 * Decimal("0.3") + 100 * Decimal("3.75") + 100 * 15
    assert price == Price(rates / 1_000_000, "genai-prices")


def test_long_contexts_are_priced_at_their_tier():
    short = pricing.actual(**TIERED, usage=Usage(200_000, 0), at=AT)
    long = pricing.actual(**TIERED, usage=Usage(200_001, 0), at=AT)

    assert short.usd == Decimal("0.25")
    assert long.usd == Decimal("0.5000025")


def test_reasoning_is_paid_once_as_output():
    plain = pricing.actual(**SONNET, usage=Usage(10, 500), at=AT)
    reasoned = pricing.actual(**SONNET, usage=Usage(10, 500, reasoning_tokens=400), at=AT)

    assert reasoned == plain


def test_a_model_that_the_list_does_not_know_has_the_operators_price(own_price):
    usage = Usage(1000, 100, cache_write_tokens=500, cache_read_tokens=100)

    price = pricing.actual(**OWN, usage=usage)

    tokens = Decimal(400 * 2 + 500 * 3 + 100 * 2 + 100 * 8) / 1_000_000
    assert price == Price(Decimal("0.001") + tokens, "operator")


@pytest.mark.parametrize(
    ("service", "dated", "model"),
    [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-2099-01-31", "gpt-4o"),
        ("openai", "openai/gpt-4o-2099-01-31", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("openrouter", "openai/gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("openrouter", "anthropic/claude-sonnet-4-20250514", "anthropic/claude-sonnet-4"),
        ("local", "llama-at-home-20260101", "llama-at-home"),
        ("local", "llama-at-home@20260101", "llama-at-home"),
    ],
)
def test_a_dated_alias_has_the_price_of_its_model(own_price, service, dated, model):
    usage = Usage(1000, 100)

    price = pricing.actual(service=service, model=dated, usage=usage, at=AT)

    assert price == pricing.actual(service=service, model=model, usage=usage, at=AT)
    assert price.usd > 0
    bounds = [
        pricing.worst_case(service=service, models=[name], input_tokens=9, at=AT) for name in (dated, model)
    ]
    assert bounds[0] == bounds[1]


def test_a_dated_model_that_has_a_price_of_its_own_keeps_it():
    listed = {"service": "openai", "model": "gpt-4o-2024-05-13"}
    own = {"service": "openai", "model": "gpt-4o-2099-01-31"}
    ModelPrice.objects.create(**own, input_usd_per_mtok=100, output_usd_per_mtok=200)

    assert pricing.actual(**listed, usage=Usage(1000, 100), at=AT).usd == Decimal("0.0065")
    assert pricing.actual(**own, usage=Usage(1000, 100), at=AT) == Price(Decimal("0.12"), "operator")
    bound = pricing.worst_case(service="openai", models=[own["model"]], input_tokens=9, at=AT)
    assert bound.output_usd_per_mtok == 200


@pytest.mark.parametrize(
    ("service", "model"),
    [
        ("openai", "gpt-4o-2099-13-01"),
        ("openai", "gpt-4o-xyz"),
        ("openai", "gpt-4o-2024-08-06-mine"),
        ("openai", "anthropic/gpt-4o"),
        ("openrouter", "openai/gpt-4o-2024-08-06:free"),
        ("openrouter", "gpt-4o-2024-08-06"),
        ("openrouter", "anthropic/unheard-of-20250514"),
        ("local", "llama-at-home-v2"),
        ("local", "gpt-4o-2024-08-06"),
    ],
)
def test_no_other_name_is_taken_for_a_known_model(own_price, service, model):
    assert pricing.actual(service=service, model=model, usage=Usage(10, 10), at=AT) is None
    with pytest.raises(UnknownPrice, match=model):
        pricing.worst_case(service=service, models=[model], input_tokens=9, at=AT)


@pytest.mark.parametrize("model", ["llama-at-home", "nobody/knows-this:free"])
def test_a_price_that_nobody_knows_is_none(model):
    assert pricing.actual(service="openrouter", model=model, usage=Usage(10, 10)) is None


def test_a_listed_model_without_a_listed_price_is_not_free():
    unpriced: dict[str, Any] = {"service": "cerebras", "model": "qwen-3-coder-480b"}

    assert pricing.actual(**unpriced, usage=Usage(10, 10), at=AT) is None
    with pytest.raises(UnknownPrice):
        pricing.worst_case(service=unpriced["service"], models=[unpriced["model"]], input_tokens=10, at=AT)


def test_without_usage_nobody_knows():
    assert pricing.actual(**SONNET, usage=None) is None


def test_tokens_that_contradict_each_other_have_no_list_price():
    assert pricing.actual(**SONNET, usage=Usage(10, 0, cache_read_tokens=20), at=AT) is None


def test_the_worst_case_takes_the_dearest_rates():
    bound = pricing.worst_case(service="openrouter", models=[SONNET["model"]], input_tokens=1000, at=AT)

    assert [bound.input_usd_per_mtok, bound.output_usd_per_mtok] == [Decimal("3.75"), 15]
    assert bound.usd(100) == Decimal("0.00525")


def test_the_worst_case_is_of_the_dearest_model_that_may_serve():
    models = [SONNET["model"], "anthropic/claude-opus-4"]

    bound = pricing.worst_case(service="openrouter", models=models, input_tokens=1000, at=AT)

    assert bound.output_usd_per_mtok == 75


def test_the_worst_case_counts_the_tiers_that_the_input_may_reach():
    models = [TIERED["model"]]

    near = pricing.worst_case(service="google", models=models, input_tokens=200_000, at=AT)
    far = pricing.worst_case(service="google", models=models, input_tokens=200_001, at=AT)

    assert [near.output_usd_per_mtok, far.output_usd_per_mtok] == [10, 15]


def test_the_worst_case_is_rounded_up():
    bound = pricing.Bound(1, Decimal("0.0001"), Decimal(0), Decimal(0))

    assert bound.usd(0) == Decimal("0.000000001")


def test_the_operators_price_bounds_what_the_list_does_not_know(own_price):
    bound = pricing.worst_case(service="local", models=[OWN["model"]], input_tokens=1000)

    assert bound.usd(100) == Decimal("0.001") + Decimal(1000 * 3 + 100 * 8) / 1_000_000


def test_an_unknown_model_is_refused():
    with pytest.raises(UnknownPrice, match="llama-at-home"):
        pricing.worst_case(service="openrouter", models=[SONNET["model"], OWN["model"]], input_tokens=1000)


@pytest.mark.parametrize("text", ["hello", "ünïcödé", "𝕬" * 50, "日本語", "\x00\x01"])
def test_bytes_bound_tokens(text):
    assert pricing.input_ceiling(text.encode()) > len(text.encode())


def test_money_that_does_not_pay_the_question_pays_no_answer():
    bound = pricing.Bound(1000, Decimal(3), Decimal(15), Decimal(0))

    assert bound.tokens_within(Decimal("0.003")) == 0
    assert bound.tokens_within(Decimal("0.003015")) == 1
