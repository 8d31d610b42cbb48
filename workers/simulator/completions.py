"""A chat completion in the words of the API, whole or as a stream of chunks."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import orjson

from workers.simulator.answers import Reply
from workers.simulator.plan import ToolUse

_PIECE = 24


def whole(reply: Reply, *, number: int, model: str, usage: dict[str, Any]) -> dict[str, Any]:
    """The body of an answer that comes at once."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
    if reply.tool_calls:
        message["tool_calls"] = [_tool(tool) for tool in reply.tool_calls]
    choice = {"index": 0, "message": message | reply.message, "finish_reason": reply.reason, "logprobs": None}
    return _head(number, model, "chat.completion") | {"choices": [choice], "usage": usage}


def chunks(reply: Reply, *, number: int, model: str, usage: dict[str, Any]) -> Iterator[bytes]:
    """Server-sent events: the words in pieces, the reason, the usage, `[DONE]`."""
    head = _head(number, model, "chat.completion.chunk")
    yield b": PROCESSING\n\n"
    for delta in itertools.chain([{"role": "assistant", "content": ""}], _deltas(reply)):
        yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reply.reason}]})
    yield _event(head | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    text = reply.text or ""
    for start in range(0, len(text), _PIECE):
        yield {"content": text[start : start + _PIECE]}
    for index, tool in enumerate(reply.tool_calls):
        called = _tool(tool)
        arguments = called["function"]["arguments"]
        yield {
            "tool_calls": [
                {"index": index} | called | {"function": {"name": tool.name, "arguments": ""}},
            ]
        }
        for start in range(0, len(arguments), _PIECE):
            piece = {"arguments": arguments[start : start + _PIECE]}
            yield {"tool_calls": [{"index": index, "function": piece}]}


def _tool(tool: ToolUse) -> dict[str, Any]:
    arguments = tool.arguments if isinstance(tool.arguments, str) else orjson.dumps(tool.arguments).decode()
    return {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": arguments}}


def _head(number: int, model: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"gen-sim-{number}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "provider": "Simulator",
    }


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"
