"""Answers of the simulated model: by script, by a mark in the request, or generated.

`[sim:echo]` in any message, or the model `sim/echo`, gives back the last message of the user.
`[sim:agent-10-steps]` makes ten answers of a conversation: nine that call the offered tools in turn, and a
last one; `[sim:agent-10-steps-by-3]` calls three at a time. A JSON schema is obeyed.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from workers.simulator import shapes
from workers.simulator.fault_plan import text_of
from workers.simulator.plan import Call, Line, ToolUse

_ECHO = re.compile(r"\[sim:echo\]|^sim/echo$")
_AGENT = re.compile(r"(?:\[sim:|^sim/)agent-(\d+)-steps(?:-by-(\d+))?(?:\]|$)")
_SENTENCES = (
    "The figures are within their bounds, and nothing stands out.",
    "Two of the sources disagree; the later one is the better documented.",
    "The cause is most likely the change of configuration earlier in the day.",
    "I would start with the smallest step that can be undone.",
    "There is not enough here to be certain, but the trend is clear.",
)


@dataclass(frozen=True)
class Reply:
    """What the model says, before it is put into words of the API."""

    text: str | None
    tool_calls: list[ToolUse] = field(default_factory=list)
    finish_reason: str = ""
    message: dict[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")


def of_line(line: Line, call: Call, body: dict[str, Any]) -> Reply:
    """The line of the script."""
    text = line.text
    if line.json_answer is not None:
        text = orjson.dumps(line.json_answer).decode()
    return _numbered(Reply(text, list(line.tool_calls), line.finish_reason, line.message), call, body)


def of_content(call: Call, body: dict[str, Any]) -> Reply:
    """What the call itself asks for."""
    said = f"{call.text}"
    if steps := _AGENT.search(call.model) or _AGENT.search(said):
        rounds, at_once = int(steps[1]), int(steps[2] or 1)
        if call.turn < rounds - 1 and body.get("tools"):
            return _numbered(Reply(None, _tools_in_turn(call, body["tools"], at_once)), call, body)
    if _ECHO.search(call.model) or _ECHO.search(said):
        return Reply(_last_of_user(body))
    return Reply(_shaped(body) or _prose(call))


def _tools_in_turn(call: Call, tools: list[Any], at_once: int) -> list[ToolUse]:
    functions = [tool["function"] for tool in tools]
    chosen = [functions[(call.turn * at_once + nth) % len(functions)] for nth in range(at_once)]
    return [
        ToolUse(name=one["name"], arguments=shapes.example(one.get("parameters") or {}, salt=call.turn))
        for one in chosen
    ]


def _shaped(body: dict[str, Any]) -> str | None:
    asked = body.get("response_format") or {}
    if asked.get("type") == "json_schema":
        return orjson.dumps(shapes.example(asked["json_schema"].get("schema") or {})).decode()
    return "{}" if asked.get("type") == "json_object" else None


def _prose(call: Call) -> str:
    first = hashlib.sha256(call.text.encode()).digest()[0]
    return " ".join(_SENTENCES[(first + nth) % len(_SENTENCES)] for nth in range(2))


def _last_of_user(body: dict[str, Any]) -> str:
    said = [text_of(message) for message in body["messages"] if message.get("role") == "user"]
    return said[-1] if said else ""


def _numbered(reply: Reply, call: Call, body: dict[str, Any]) -> Reply:
    """Calls of tools get ids that are the same whenever the same conversation comes to the same turn."""
    begun = orjson.dumps(body["messages"][:2])
    tools = [
        tool
        if tool.id
        else tool.model_copy(update={"id": f"call_{_digest(begun, b'%d.%d' % (call.turn, nth))}"})
        for nth, tool in enumerate(reply.tool_calls)
    ]
    return replace(reply, tool_calls=tools)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\x00".join(parts)).hexdigest()[:20]
