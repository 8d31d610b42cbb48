"""Steps of an agent for tests, written short."""

from decimal import Decimal

import orjson

from governance.tasks.checkpoints import Checkpoint
from workers.agent import conversation
from workers.agent.payload import AgentPayload


def payload(**fields):
    return AgentPayload.model_validate_json(orjson.dumps({"prompt": "What is the answer?"} | fields))


def answered(turn, text="", *calls, cost_usd="0", seconds=0.0):
    """The model's answer; `calls` are (name, arguments)."""
    wanted = [
        {"id": f"id-{turn}-{n}", "name": name, "arguments": arguments}
        for n, (name, arguments) in enumerate(calls, 1)
    ]
    message = {"role": "assistant", "content": text}
    content = {"text": text, "tool_calls": wanted, "message": message, "model": "some-model"}
    return Checkpoint(
        turn=turn, call=0, kind="answer", content=content, cost_usd=Decimal(cost_usd), seconds=seconds
    )


def returned(turn, call, value, seconds=0.0):
    return Checkpoint(turn=turn, call=call, kind="result", content={"value": value}, seconds=seconds)


def failed(turn, call, error):
    return Checkpoint(turn=turn, call=call, kind="result", content={"error": error})


def stopped(turn):
    return Checkpoint(turn=turn, call=-1, kind="stop", content={"reason": "turns", "said": "3 of 3"})


def turns(*steps):
    return conversation.turns(steps)
