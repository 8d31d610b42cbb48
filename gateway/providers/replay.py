"""The answers of a model as they go into the next request, in a form that a strict provider accepts.

Names of tools are of at most 64 letters, digits, `_` and `-`; arguments are a JSON object as text; ids are
short, and unique in the conversation; no message is empty; no field is one that the provider may not know.
"""

import hashlib
import itertools
import re
from collections.abc import Iterable
from typing import Any

from gateway.providers.answer import ToolCall, arguments_of

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
EMPTY = "(no answer)"
_MAX_NAME = 64
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")
# OpenRouter wants them back; others refuse a message that has them.
_REASONING = {"reasoning": str, "reasoning_details": list}


class Ids:
    """The ids of the calls in one conversation, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, said: str, *, instead: str) -> str:
        """The id that the model gave, or another one if providers would refuse it or it was given before."""
        chosen = said if ID.fullmatch(said) and said not in self._given else instead
        for nth in itertools.count(2):
            if chosen not in self._given:
                break
            chosen = short_id(f"{instead} {nth}")
        self._given.add(chosen)
        return chosen


def short_id(seed: str) -> str:
    """Nine letters and digits: what the strictest provider asks of an id."""
    return hashlib.sha256(seed.encode()).hexdigest()[:9]


def name(said: str) -> str:
    """The name that the model called, with `_` for what no name may have."""
    return said if NAME.fullmatch(said) else _NO_NAME.sub("_", said[:_MAX_NAME]) or "unnamed"


def arguments(said: str) -> str:
    """The arguments as they were written, or an empty object: what was wrong with them, the result says."""
    try:
        found = arguments_of(said)
    except ValueError:
        return "{}"
    return said if found else "{}"


def assistant(text: str, calls: Iterable[ToolCall], *, said: dict[str, Any]) -> dict[str, Any]:
    """The message of an answer. `said` is the message as it came; of it, the reasoning is kept."""
    message: dict[str, Any] = {"role": "assistant", "content": text if text.strip() else None}
    for field, kind in _REASONING.items():
        if said.get(field) and isinstance(said[field], kind):
            message[field] = said[field]
    if listed := [_call(call) for call in calls]:
        message["tool_calls"] = listed
    elif message["content"] is None:
        message["content"] = EMPTY
    return message


def without_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    """The message for a provider that may not know the fields of OpenRouter."""
    return {name: value for name, value in message.items() if name not in _REASONING}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": name(call.name), "arguments": arguments(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}
