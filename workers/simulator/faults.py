"""Faults of the simulated provider, on the wire."""

import asyncio
import gzip
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from workers.simulator.http_messages import Exchange
from workers.simulator.plan import Fault

# What OpenRouter says with these codes, if the fault has no words of its own.
WORDS = {
    400: "Invalid request",
    401: "User not found.",
    402: "Insufficient credits",
    403: "Your chosen model requires moderation and your input was flagged",
    404: "No endpoints found for this model",
    408: "Request timed out",
    413: "Request entity too large",
    422: "Unprocessable request",
    429: "Rate limit exceeded",
    500: "Internal server error",
    502: "Provider returned error",
    503: "No available model provider meets your routing requirements",
    529: "Provider overloaded",
}

_UNFOLDED_BYTES = 64 * 1024 * 1024
_LEVELS = 500
_SECONDS_BETWEEN_BYTES = 0.01


async def fail(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    """Answer as the fault says; `good` is the answer that there would have been."""
    await _WAYS[fault.kind](exchange, fault, good)


def error_body(status: int, message: str = "", metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """An error as OpenRouter writes it."""
    error: dict[str, Any] = {"code": status, "message": message or WORDS.get(status, "Error")}
    if metadata:
        error["metadata"] = metadata
    return {"error": error, "user_id": "user_simulated"}


async def _status(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    headers = {} if fault.retry_after is None else {"retry-after": _written(fault.retry_after)}
    body = error_body(fault.status, fault.message, fault.metadata)
    await exchange.answer(fault.status, orjson.dumps(body), headers=headers)


async def _error_in_200(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    body = {"id": good["id"]} | error_body(fault.status, fault.message, fault.metadata)
    if fault.cost_usd is not None:
        body["usage"] = good["usage"] | {"cost": fault.cost_usd}
    await exchange.answer(200, orjson.dumps(body))


async def _no_choices(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    usage = {} if fault.cost_usd is None else {"usage": good["usage"] | {"cost": fault.cost_usd}}
    kept = {name: value for name, value in good.items() if name != "usage"}
    await exchange.answer(200, orjson.dumps(kept | {"choices": []} | usage))


async def _broken_json(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    text = orjson.dumps(good)
    await exchange.answer(200, text[: len(text) // 2])


async def _wrong_content_type(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    page = b"<html><head><title>Welcome</title></head><body>Please sign in to the network.</body></html>"
    await exchange.answer(200, page, content_type="text/html")


async def _cut(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    text = orjson.dumps(good)
    await exchange.begin(200)
    await exchange.send(text[: len(text) // 2])
    await exchange.cut()


async def _reset(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    await exchange.reset()


async def _hang(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    await exchange.hang()


async def _compressed(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    text = _put_in(good, b"a" * _UNFOLDED_BYTES)
    await exchange.answer(200, gzip.compress(text, 6), headers={"content-encoding": "gzip"})


async def _deep(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    text = orjson.dumps(good)
    await exchange.answer(200, text[:-1] + b',"deep":' + b"[" * _LEVELS + b"]" * _LEVELS + b"}")


async def _slow_body(exchange: Exchange, fault: Fault, good: dict[str, Any]) -> None:
    await exchange.begin(200)
    for byte in itertools.chain(orjson.dumps(good), itertools.repeat(ord(" "))):
        await exchange.send(bytes([byte]))
        await asyncio.sleep(_SECONDS_BETWEEN_BYTES)


def _put_in(good: dict[str, Any], text: bytes) -> bytes:
    """The good answer with this text, which needs no escapes."""
    mark = "-the-text-"
    choice = good["choices"][0]
    marked = choice | {"message": choice["message"] | {"content": mark}}
    return orjson.dumps(good | {"choices": [marked]}).replace(mark.encode(), text)


_WAYS: dict[str, Callable[[Exchange, Fault, dict[str, Any]], Awaitable[None]]] = {
    "status": _status,
    "error_in_200": _error_in_200,
    "no_choices": _no_choices,
    "broken_json": _broken_json,
    "wrong_content_type": _wrong_content_type,
    "cut": _cut,
    "reset": _reset,
    "hang": _hang,
    "compressed": _compressed,
    "deep": _deep,
    "slow_body": _slow_body,
}


def _written(seconds: float | str) -> str:
    return seconds if isinstance(seconds, str) else f"{seconds:g}"
