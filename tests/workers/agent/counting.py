"""An agent at work with three tools that count: what it is told, what it does, and what is kept of it."""

import asyncio
from typing import Any

from pydantic import BaseModel

from governance.tasks import checkpoints
from reliability import calls
from reliability.failures import PermanentFailure, TransientFailure
from tests.workers.agent.turns import payload
from workers import tools
from workers.agent import loop

QUESTION = "How many sheep are there?"
made: list[Any] = []


class Count(BaseModel):
    """What the tools of these tests are asked."""

    of: str = "sheep"
    fails: str = ""


def returns(arguments: Count) -> dict[str, Any]:
    made.append(arguments.of)
    if arguments.fails == "permanent":
        raise PermanentFailure("there is no such field")
    if arguments.fails == "transient":
        raise TransientFailure("the dog is asleep")
    return {"of": arguments.of, "count": len(made)}


def register() -> None:
    """They differ in what is done when nobody knows what became of a call."""
    made.clear()
    for policy in ("retry", "fail", "ask"):

        @tools.register(f"count.{policy}", schema=Count, seconds=10, effect="inside", on_unknown=policy)
        def count(arguments: Count, permit: Any) -> dict[str, Any]:
            """Count animals."""
            return returns(arguments)


def work(context, **asked):
    asked = {"prompt": QUESTION} | asked
    try:
        return asyncio.run(loop.run(payload(**asked), context))
    finally:
        assert calls.leave(30) == 0


def says(provider, *lines):
    """The model's answers, turn by turn, whoever asks."""
    script = [{"turn": turn} | line for turn, line in enumerate(lines)]
    provider.tell(script=script).raise_for_status()


def calling(*names, **arguments):
    return {"tool_calls": [{"name": name, "arguments": arguments} for name in names]}


def text(said):
    return {"text": said}


def kept(context):
    """Turn, call and content of each step."""
    return [(step.turn, step.call, step.content) for step in checkpoints.load(context.task_id)]


def asked_of(provider):
    """The messages of each request that the provider received."""
    return [entry["body"]["messages"] for entry in provider.received()]
