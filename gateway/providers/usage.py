"""Reads what a provider reports of an answer's tokens and cost: believed only when it can be.

Providers report usage in two vocabularies (`prompt_tokens`/`completion_tokens` and
`input_tokens`/`output_tokens`), as numbers or as text. What cannot be read, or contradicts the answer it came
with, is unknown, never zero: then the whole hold is charged, with `problem` as the reason in the ledger.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from governance.costs.pricing import MOST_TOKENS, MOST_USD, NO_USAGE, Usage

_WHOLE = re.compile(r"\s*(\d{1,12})(\.0{1,6})?\s*", re.ASCII)
# Longer amounts are refused, never cut: a cut one is another amount.
_AMOUNT = re.compile(r"\s*(\d{1,30}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?\s*", re.ASCII)
_NOT_BYOK = (None, False, "", "0", "false", "False")
_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")
# Anthropic's names. Beside `input_tokens` they are not part of it; beside `prompt_tokens` they are.
_CACHE_READ = "cache_read_input_tokens"
_CACHE_WRITE = "cache_creation_input_tokens"
_MAX_QUOTED = 60


@dataclass(frozen=True, slots=True)
class UsageReading:
    """`cost_usd` is the provider's own figure in USD, None if it gave none. `problem` says why the usage
    cannot be believed, and is '' if it can; with one, `usage` is `NO_USAGE`, `cost_usd` None, and `readable`
    has the counts that can be read all the same: the answer cost no less than they do."""

    usage: Usage = NO_USAGE
    cost_usd: Decimal | None = None
    problem: str = ""
    readable: Usage = NO_USAGE


class _Unreadable(Exception):
    """A figure that is no count of tokens, or no amount of money."""


def read(document: Any, *, has_content: bool) -> UsageReading:
    """The usage in an answer's JSON document. `has_content`: the answer holds text, a refusal or tool calls,
    so it cannot have cost no output. Never raises."""
    reported = document.get("usage") if isinstance(document, dict) else None
    if not isinstance(reported, dict):
        return UsageReading(problem="the answer reports no usage")
    try:
        cost = _cost(reported)
    except _Unreadable as error:
        return UsageReading(problem=str(error), readable=_readable(reported))
    try:
        return UsageReading(_tokens(reported, has_content=has_content), cost)
    except _Unreadable as error:
        # A cost that was stated stands without its tokens, but "free" needs more than that.
        if cost:
            return UsageReading(cost_usd=cost)
        return UsageReading(problem=str(error), readable=_readable(reported))


def _readable(reported: Mapping[str, Any]) -> Usage:
    """The counts that can be read by themselves; 0 for every other."""
    tokens_in, tokens_out = (
        max(_if_readable(reported, name) for name in names) for names in (_INPUT, _OUTPUT)
    )
    cache_write = _if_readable(reported, _CACHE_WRITE)
    if reported.get("prompt_tokens") is None:
        tokens_in += _if_readable(reported, _CACHE_READ) + cache_write
    cache_write = cache_write if cache_write <= tokens_in <= MOST_TOKENS else 0
    return Usage(min(tokens_in, MOST_TOKENS), tokens_out, cache_write_tokens=cache_write)


def _if_readable(counts: Mapping[str, Any], name: str) -> int:
    try:
        return _optional(counts, name)
    except _Unreadable:
        return 0


def _tokens(reported: Mapping[str, Any], *, has_content: bool) -> Usage:
    asked, answered = _details(reported, _INPUT_DETAILS), _details(reported, _OUTPUT_DETAILS)
    tokens_in, tokens_out = _either(reported, _INPUT), _either(reported, _OUTPUT)
    cache_read = max(_optional(asked, "cached_tokens"), _optional(reported, _CACHE_READ))
    cache_write = max(_optional(asked, "cache_write_tokens"), _optional(reported, _CACHE_WRITE))
    reasoning = _optional(answered, "reasoning_tokens")
    if reported.get("prompt_tokens") is None:
        tokens_in += _optional(reported, _CACHE_READ) + _optional(reported, _CACHE_WRITE)
    if reasoning > tokens_out:  # counted beside the output, not in it
        tokens_out += reasoning
    # What neither count names was generated. A total that cannot be read says nothing: both counts are known.
    tokens_out = max(tokens_out, _if_readable(reported, "total_tokens") - tokens_in)
    if has_content and not tokens_out:
        counts = "the counts are all zero" if not tokens_in else "no output is counted"
        raise _Unreadable(f"{counts} beside an answer with content")
    if cache_read + cache_write > tokens_in or max(tokens_in, tokens_out) > MOST_TOKENS:
        raise _Unreadable(f"the counts contradict each other: {_quoted(dict(reported))}")
    return Usage(tokens_in, tokens_out, cache_read, cache_write, reasoning)


def _details(reported: Mapping[str, Any], names: tuple[str, str]) -> Mapping[str, Any]:
    found: Any = next((reported[name] for name in names if reported.get(name)), {})
    if not isinstance(found, dict):
        raise _Unreadable(f"{names[0]} is {_quoted(found)}, not an object")
    return found


def _either(reported: Mapping[str, Any], names: tuple[str, str]) -> int:
    """The count under either name; the greater one where a provider gives both."""
    given = [name for name in names if reported.get(name) is not None]
    if not given:
        raise _Unreadable(f"{names[0]} is missing")
    return max(_count(name, reported[name]) for name in given)


def _optional(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name)
    return 0 if value is None else _count(name, value)


def _count(name: str, value: Any) -> int:
    """A count of tokens: whole, also as text or as a float such as 12.0."""
    if isinstance(value, str) and (whole := _WHOLE.fullmatch(value)):
        value = int(whole[1])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        raise _Unreadable(f"{name} is {_quoted(value)}, not a count of tokens")
    return value


def _cost(reported: Mapping[str, Any]) -> Decimal | None:
    """The provider's figure. With a key of one's own at the provider behind it (BYOK), what that one charges
    is part of the cost, and often all of it."""
    cost = _own_cost(reported.get("cost"))
    details = reported.get("cost_details")
    own = details.get("upstream_inference_cost") if isinstance(details, dict) else None
    upstream = _amount("usage.cost_details.upstream_inference_cost", own)
    is_byok = reported.get("is_byok") not in _NOT_BYOK
    if upstream and (is_byok or not cost):
        return upstream + (cost or 0)
    if is_byok and not cost:
        return None  # nothing was charged here; what was charged upstream is not said
    return cost


def _own_cost(cost: Any) -> Decimal | None:
    """An amount, or an object of amounts with their total, as Perplexity has it."""
    if isinstance(cost, dict) and cost.get("total_cost") is not None:
        return _amount("usage.cost.total_cost", cost["total_cost"])
    return _amount("usage.cost", cost)


def _amount(name: str, value: Any) -> Decimal | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float | str) and not isinstance(value, bool)
    if is_number and _AMOUNT.fullmatch(text := str(value)) and (amount := Decimal(text)) <= MOST_USD:
        return amount
    raise _Unreadable(f"{name} is {_quoted(value)}, not a cost from 0 to {MOST_USD} USD")


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}…"
