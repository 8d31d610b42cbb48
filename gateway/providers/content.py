"""The content of a choice, in the forms that providers give it: text and parts, refusals, tool calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from gateway.providers import replay
from gateway.providers.answer import ToolCall
from governance.db import strict_json

MAX_FINISH_REASON = 100
_REFUSAL = "refusal"
_TEXT_PARTS = frozenset({"text", "output_text", ""})
# The usual name of what some providers call otherwise.
_FINISH_REASONS = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "spii": "content_filter",
    "sensitive": "content_filter",
    "guardrail_intervened": "content_filter",
    "model_length": "context_overflow",
    "model_context_window_exceeded": "context_overflow",
    "context_length_exceeded": "context_overflow",
    "function_call": "tool_calls",
}


@dataclass(frozen=True, slots=True)
class Content:
    """What a choice says. `message` is as it came."""

    text: str
    refusal: str
    tool_calls: list[ToolCall]
    finish_reason: str
    message: dict[str, Any]


def read(choice: dict[str, Any]) -> Content:
    """The content of a choice that has a message. Never raises: what cannot be read stands in `message`."""
    message = choice["message"]
    return Content(
        text=text_of(message.get("content")),
        refusal=refusal_of(message),
        tool_calls=list(_tool_calls(message)),
        finish_reason=_finish_reason(choice.get("finish_reason")),
        message=message,
    )


def text_of(content: Any) -> str:
    """The text of a message's content: of its text parts, if it is a list of parts. What a model thought, and
    parts that are no text, are left out."""
    if isinstance(content, list):
        return "".join(text_of(part) for part in content)
    if isinstance(content, dict):
        return _text_of_part(content)
    return _text(content)


def refusal_of(message: dict[str, Any]) -> str:
    """The words with which the model declined: in a field of its own, or in a part of the content."""
    if refusal := _text(message.get(_REFUSAL)).strip():
        return refusal
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    said = (
        _text(part.get(_REFUSAL) or part.get("text"))
        for part in parts
        if isinstance(part, dict) and part.get("type") == _REFUSAL
    )
    return "".join(said).strip()


def _text_of_part(part: dict[str, Any]) -> str:
    if _text(part.get("type")) not in _TEXT_PARTS:
        return ""
    text = part.get("text")
    return _text(text.get("value") if isinstance(text, dict) else text)


def _tool_calls(message: dict[str, Any]) -> Iterator[ToolCall]:
    """Every call that the model asked for. One that is no object is a call without a name: it is answered
    with an error."""
    ids = replay.Ids()
    for listed in _listed(message):
        call = listed if isinstance(listed, dict) else {}
        found = call.get("function")
        function = found if isinstance(found, dict) else {}
        yield ToolCall(
            id=ids.of(_text(call.get("id")), instead=replay.short_id(uuid4().hex)),
            name=_text(function.get("name")),
            arguments=_arguments(function.get("arguments")),
        )


def _listed(message: dict[str, Any]) -> list[Any]:
    """The calls, also a single one, and that of the API before there were several (`function_call`)."""
    calls = message.get("tool_calls")
    if calls:
        return calls if isinstance(calls, list) else [calls]
    old = message.get("function_call")
    return [{"function": old}] if old else []


def _arguments(said: Any) -> str:
    """As JSON text, also if they came as JSON."""
    if said is None or isinstance(said, str):
        return _text(said)
    return strict_json.storable(strict_json.dumps(said))


def _finish_reason(said: Any) -> str:
    """In lower case, without what some providers add after a colon."""
    reason = _text(said).strip()[:MAX_FINISH_REASON].lower().partition(":")[0].strip()
    return _FINISH_REASONS.get(reason, reason)


def _text(value: Any) -> str:
    return strict_json.storable(value) if isinstance(value, str) else ""
