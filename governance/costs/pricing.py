"""Pricing: the most that a call can cost before it is sent, and its actual cost afterwards.

In this order: what the provider says (0 is a price), the price list of `genai-prices` for the model
that served, the price that an operator set. A model that none of them knows is not called.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal, InvalidOperation
from functools import cached_property
from typing import Any

import genai_prices
from genai_prices import data_snapshot
from genai_prices.types import ModelInfo, TieredPrices

from governance.errors import UnknownPrice
from governance.models.budget import CostLine, ModelPrice

# What no call can have: figures beyond these are misread or false, and would not fit the books.
MOST_TOKENS = 1_000_000_000
MOST_USD = Decimal(10_000)
_DECIMALS = Decimal("0.000000001")
_MILLION = Decimal(1_000_000)
# Prices that change by the clock: a call that is sent now is priced within this time.
_LONGEST_CALL = timedelta(hours=1)
_INPUT = ("input_mtok", "cache_write_mtok", "cache_write_1h_mtok", "cache_read_mtok")
_OUTPUT = ("output_mtok", "output_reasoning_mtok")
# A name with the date of its release: `gpt-4o-2024-08-06`, `claude-sonnet-4-20250514`, `a-model@20250617`.
_DATED = re.compile(r"(.+)[-@](\d{4})-?(\d{2})-?(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. Input includes what a cache read and wrote, output includes reasoning."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Price:
    """What a call cost, in USD, and who says so (`CostLine.Source`)."""

    usd: Decimal
    source: str


@dataclass(frozen=True)
class Bound:
    """The rates that no answer to a request can exceed, in USD per million tokens, and its input in tokens.

    Where a provider takes a price cap, these rates are the cap to send.
    """

    input_tokens: int
    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    request_usd: Decimal

    def usd(self, max_tokens: int) -> Decimal:
        """The most that the call can cost with answers of at most this many tokens, rounded up."""
        answer = self.output_usd_per_mtok * max_tokens / _MILLION
        return (self._asking + answer).quantize(_DECIMALS, rounding=ROUND_UP)

    def tokens_within(self, usd: Decimal) -> int:
        """The longest answer, in tokens, that this much money pays for; 0 if it does not pay the question."""
        left = usd - self._asking
        if left <= 0:
            return 0
        if not self.output_usd_per_mtok:
            return int(_MILLION * _MILLION)
        return int((left * _MILLION / self.output_usd_per_mtok).to_integral_value(rounding=ROUND_DOWN))

    @cached_property
    def _asking(self) -> Decimal:
        return self.request_usd + self.input_usd_per_mtok * self.input_tokens / _MILLION


def input_ceiling(body: bytes) -> int:
    """A ceiling for the tokens of a request with this JSON body: no tokenizer makes more than its bytes."""
    return len(body) + 64


def actual(
    *, service: str, model: str, usage: Usage | None, provider_cost: object = None, at: datetime | None = None
) -> Price | None:
    """What an answered call cost; `model` is the one that served. None if nobody knows.

    `provider_cost` is the provider's own figure in USD as it came, if it came.
    """
    stated = _stated(provider_cost)
    if stated is not None:
        return Price(stated, CostLine.Source.PROVIDER)
    if usage is None or find_flaw(None, usage):
        return None
    price = _priced(service, model, usage, at or datetime.now(UTC))
    return price if price is not None and not find_flaw(price, usage) else None


def _priced(service: str, model: str, usage: Usage, at: datetime) -> Price | None:
    for name in _names(service, model):
        if price := _listed(service, name, usage, at) or _set_by_operator(service, name, usage):
            return price
        if _find_listed(service, name) is not None:
            return None  # the list knows it and has no price for it: another name's would be a guess
    return None


def find_flaw(price: Price | None, usage: Usage) -> str:
    """Why these figures, which come from providers and tools, cannot be booked; '' if they can."""
    if price is not None and not (price.usd.is_finite() and 0 <= price.usd <= MOST_USD):
        return f"a cost of {price.usd:.6g} USD is not one from 0 to {MOST_USD}"
    counts = asdict(usage)
    wrong = [name for name, count in counts.items() if not 0 <= count <= MOST_TOKENS]
    return f"{wrong[0]} is {counts[wrong[0]]}, not a count from 0 to {MOST_TOKENS}" if wrong else ""


def worst_case(*, service: str, models: list[str], input_tokens: int, at: datetime | None = None) -> Bound:
    """The bound of a request that any of these models may serve, at the highest rates that can apply.

    `input_tokens` is a ceiling, such as `input_ceiling` gives. Raises `UnknownPrice` for a model that
    neither the price list nor an operator knows.
    """
    now = at or datetime.now(UTC)
    bounds = [_bound(service, model, input_tokens, now) for model in models]
    return Bound(
        input_tokens,
        max(bound.input_usd_per_mtok for bound in bounds),
        max(bound.output_usd_per_mtok for bound in bounds),
        max(bound.request_usd for bound in bounds),
    )


def _stated(cost: object) -> Decimal | None:
    """The provider's figure, unless it is no amount of money. A JSON number is taken as it was written."""
    if cost is None or isinstance(cost, bool):
        return None
    try:
        usd = Decimal(str(cost))
    except InvalidOperation:
        return None
    return usd if usd.is_finite() and 0 <= usd <= MOST_USD else None


def _listed(service: str, model: str, usage: Usage, at: datetime) -> Price | None:
    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    rates = _list_prices(service, model, at)
    if rates is None:
        return None
    try:
        return Price(rates.calc_price(tokens)["total_price"], CostLine.Source.GENAI_PRICES)
    except ValueError:  # tokens that contradict each other
        return None


def _set_by_operator(service: str, model: str, usage: Usage) -> Price | None:
    price = _operators(service, model)
    if price is None:
        return None
    plain = max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens)
    per_million = (
        plain * price.input_usd_per_mtok
        + usage.cache_read_tokens * _or(price.cache_read_usd_per_mtok, price.input_usd_per_mtok)
        + usage.cache_write_tokens * _or(price.cache_write_usd_per_mtok, price.input_usd_per_mtok)
        + usage.output_tokens * price.output_usd_per_mtok
    )
    return Price(price.request_usd + per_million / _MILLION, CostLine.Source.OPERATOR)


def _bound(service: str, model: str, input_tokens: int, at: datetime) -> Bound:
    for name in _names(service, model):
        if bound := _listed_bound(service, name, input_tokens, at):
            return bound
        if bound := _operators_bound(service, name, input_tokens):
            return bound
        if _find_listed(service, name) is not None:
            break
    raise UnknownPrice(service, model)


def _listed_bound(service: str, model: str, input_tokens: int, at: datetime) -> Bound | None:
    listed = [_list_prices(service, model, moment) for moment in (at, at + _LONGEST_CALL)]
    prices = [price for price in listed if price is not None]
    if len(prices) < len(listed):
        return None
    return Bound(
        input_tokens,
        _dearest(prices, _INPUT, input_tokens),
        _dearest(prices, _OUTPUT, input_tokens),
        _dearest(prices, ("requests_kcount",), input_tokens) / 1000,
    )


def _operators_bound(service: str, model: str, input_tokens: int) -> Bound | None:
    price = _operators(service, model)
    if price is None:
        return None
    rates = (price.input_usd_per_mtok, price.cache_read_usd_per_mtok, price.cache_write_usd_per_mtok)
    highest = max(rate for rate in rates if rate is not None)
    return Bound(input_tokens, highest, price.output_usd_per_mtok, price.request_usd)


def _dearest(prices: list[Any], keys: tuple[str, ...], input_tokens: int) -> Decimal:
    rates = [rate for price in prices for key in keys for rate in _rates(getattr(price, key), input_tokens)]
    return max(rates, default=Decimal(0))


def _rates(price: Decimal | TieredPrices | None, input_tokens: int) -> Iterator[Decimal]:
    """The rates that can apply to so long an input: the base, and the tiers that it may reach."""
    if isinstance(price, TieredPrices):
        yield price.base
        yield from (tier.price for tier in price.tiers if tier.start < input_tokens)
    elif price is not None:
        yield price


def _list_prices(service: str, model: str, at: datetime) -> Any | None:
    """The price list's rates for a model. A service that it does not know sells nothing that it knows.

    The list has models that it does not price, or not by the token: that does not make them free.
    """
    found = _find_listed(service, model)
    if found is None:
        return None
    rates = found.get_prices(at)
    return None if rates.input_mtok is None or rates.output_mtok is None else rates


def _find_listed(service: str, model: str) -> ModelInfo | None:
    try:
        return data_snapshot.get_snapshot().find_provider_model(model, None, service, None)[1]
    except LookupError:
        return None


def _operators(service: str, model: str) -> ModelPrice | None:
    return ModelPrice.objects.filter(service=service, model=model).first()


def _names(service: str, model: str) -> list[str]:
    """What the model may be priced as, its own name first: a dated alias is the same model, and so is a name
    that begins with that of the service which is asked."""
    own = model.removeprefix(f"{service}/")
    return list(dict.fromkeys([model, own, _undated(model), _undated(own)]))


def _undated(model: str) -> str:
    """The name without the date of its release, if it ends with one."""
    dated = _DATED.fullmatch(model)
    if dated is None:
        return model
    try:
        date(int(dated[2]), int(dated[3]), int(dated[4]))
    except ValueError:
        return model
    return dated[1]


def _or(rate: Decimal | None, default: Decimal) -> Decimal:
    return default if rate is None else rate
