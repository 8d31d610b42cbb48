"""A provider that refuses every conversation that any known provider refuses, as a check on messages."""

import re
from collections.abc import Iterable
from typing import Any

import orjson

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
_FIELDS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}


def refusals(messages: list[dict[str, Any]], *, also: Iterable[str] = ()) -> list[str]:
    """What is wrong with this conversation; `also` are fields of an answer that this provider knows."""
    found: list[str] = []
    used: set[str] = set()
    waiting: list[str] = []
    for number, message in enumerate(messages):
        role = message["role"]
        known = _FIELDS[role] | (set(also) if role == "assistant" else set())
        found += [f"{number}: unknown field {name}" for name in message.keys() - known]
        if role == "tool":
            if not waiting or message["tool_call_id"] != waiting.pop(0):
                found.append(f"{number}: answers no call that waits")
        elif waiting:
            found.append(f"{number}: {len(waiting)} calls have no answer")
        calls = message.get("tool_calls")
        found += [
            f"{number}: {wrong}" for wrong in _of_content(message.get("content"), may_be_none=bool(calls))
        ]
        if calls is not None:
            found += [f"{number}: {wrong}" for wrong in _of_calls(calls, used)]
            waiting = [call["id"] for call in calls]
    return found + ([f"{len(waiting)} calls have no answer"] if waiting else [])


def _of_content(content: Any, *, may_be_none: bool) -> list[str]:
    if content is None:
        return [] if may_be_none else ["no content"]
    if not isinstance(content, str) or not content.strip():
        return ["content is no text, or empty"]
    return []


def _of_calls(calls: Any, used: set[str]) -> list[str]:
    if not isinstance(calls, list) or not calls:
        return ["tool_calls is no list of calls"]
    return [wrong for call in calls for wrong in _of_call(call, used)]


def _of_call(call: Any, used: set[str]) -> list[str]:
    wrong = []
    if call.keys() != {"id", "type", "function"} or call["type"] != "function":
        wrong.append("a call with other fields")
    if not _ID.fullmatch(call["id"]) or call["id"] in used:
        wrong.append(f"the id {call['id']!r} is odd, or used before")
    used.add(call["id"])
    function = call["function"]
    if function.keys() != {"name", "arguments"} or not _NAME.fullmatch(function["name"]):
        wrong.append(f"the function {function!r}")
    if not isinstance(function["arguments"], str) or not isinstance(_json(function["arguments"]), dict):
        wrong.append(f"the arguments {function['arguments']!r}")
    return wrong


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
