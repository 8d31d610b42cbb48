"""Tokens and cost of a simulated answer, with `usage.cost` as OpenRouter has it."""

from decimal import Decimal
from typing import Any

import genai_prices
import orjson

from workers.simulator.answers import Reply
from workers.simulator.plan import Call, Line

_BYTES_PER_TOKEN = 4
# Of a model that the price list does not know, in USD per million tokens.
_INPUT, _OUTPUT = Decimal(1), Decimal(4)
_DECIMALS = Decimal("0.000000001")


def usage(reply: Reply, *, call: Call, body: dict[str, Any], line: Line | None) -> Any:
    """The `usage` of the answer. From the second turn on, half of the input comes from the cache; models that
    reason do so for a quarter of their output."""
    if line is not None and line.usage_as_is:
        return line.usage
    counts = _counts(reply, call, body)
    if line is not None and line.usage is not None:
        counts |= line.usage
    if line is not None and line.without_cost:
        return counts
    cost = line.cost_usd if line is not None and line.cost_usd is not None else _cost(call.model, counts)
    return counts | {"cost": cost, "is_byok": False, "cost_details": {"upstream_inference_cost": None}}


def output_tokens(reply: Reply) -> int:
    """The length of what the model said."""
    said = (reply.text or "").encode() + b"".join(
        orjson.dumps([tool.name, tool.arguments]) for tool in reply.tool_calls
    )
    return -(-len(said) // _BYTES_PER_TOKEN)


def _counts(reply: Reply, call: Call, body: dict[str, Any]) -> dict[str, Any]:
    asked = -(-len(orjson.dumps([body["messages"], body.get("tools")])) // _BYTES_PER_TOKEN)
    said = output_tokens(reply)
    reasoned = said // 4 if body.get("reasoning") or body.get("reasoning_effort") else 0
    return {
        "prompt_tokens": asked,
        "completion_tokens": said + reasoned,
        "total_tokens": asked + said + reasoned,
        "prompt_tokens_details": {"cached_tokens": asked // 2 if call.turn else 0, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoned},
    }


def _cost(model: str, counts: dict[str, Any]) -> float:
    tokens = genai_prices.Usage(
        input_tokens=counts["prompt_tokens"],
        output_tokens=counts["completion_tokens"],
        cache_read_tokens=(counts.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
    )
    try:
        usd = genai_prices.calc_price(tokens, model, provider_id="openrouter").total_price
    except LookupError:
        usd = (counts["prompt_tokens"] * _INPUT + counts["completion_tokens"] * _OUTPUT) / 1_000_000
    return float(usd.quantize(_DECIMALS))
