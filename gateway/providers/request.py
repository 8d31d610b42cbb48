"""Request bodies for models: checked, and in the form of the API."""

from typing import Any

import orjson

from gateway.providers import replay
from gateway.providers.endpoint import Endpoint
from governance.costs.pricing import Bound
from reliability.failures import PermanentFailure

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


def body(
    endpoint: Endpoint,
    messages: list[dict[str, Any]],
    *,
    tools: list[dict[str, Any]] | None,
    response_schema: dict[str, Any] | None,
    temperature: float | None,
) -> dict[str, Any]:
    """What is the same whichever model is asked. Raises `PermanentFailure` for what cannot be sent."""
    check(messages)
    if not endpoint.is_openrouter:
        messages = [replay.without_reasoning(message) for message in messages]
    asked: dict[str, Any] = {"messages": messages}
    if tools:
        asked["tools"] = tools
    if response_schema is not None:
        shape = {"name": "answer", "schema": response_schema}
        asked["response_format"] = {"type": "json_schema", "json_schema": shape}
    if temperature is not None:
        asked["temperature"] = temperature
    try:
        orjson.dumps(asked)
    except TypeError as error:
        raise PermanentFailure(f"the request to the model is not JSON: {error}") from error
    return asked


def check(messages: list[dict[str, Any]]) -> None:
    """Raises `PermanentFailure`. Text alone is let through: the price of anything else is not bounded."""
    if not messages:
        raise PermanentFailure("messages: expected at least one")
    for number, message in enumerate(messages):
        place = f"messages[{number}]"
        if message.get("role") not in _ROLES:
            raise PermanentFailure(f"{place}.role: expected one of {', '.join(sorted(_ROLES))}")
        if not _is_text(message.get("content")):
            raise PermanentFailure(f"{place}.content: expected text, or a list of text parts")


def _is_text(content: object) -> bool:
    if content is None or isinstance(content, str):
        return True
    return isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
        for part in content
    )


def limit(endpoint: Endpoint, max_tokens: int) -> dict[str, int]:
    """The bound of the answer, by the name that the service has for it."""
    return {"max_completion_tokens" if endpoint.service == "openai" else "max_tokens": max_tokens}


def price_cap(endpoint: Endpoint, bound: Bound) -> dict[str, Any]:
    """OpenRouter serves a model at the prices of many: none that is dearer than what was reserved."""
    if not endpoint.is_openrouter:
        return {}
    cap = {
        "prompt": float(bound.input_usd_per_mtok),
        "completion": float(bound.output_usd_per_mtok),
        "request": float(bound.request_usd),
    }
    return {"provider": {"max_price": cap}}
