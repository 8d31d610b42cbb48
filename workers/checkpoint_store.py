"""Storing what ended, in the transaction that books its call."""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.db import transaction

from gateway.providers import ModelAnswer
from governance.db import strict_json
from governance.models import TaskStep
from governance.tasks import checkpoints
from governance.tasks.checkpoints import Checkpoint
from reliability.calls.types import CallFailed, CallPermit, CallResult
from reliability.engine.context import TaskContext

MAX_NAME = 200


class CheckpointStore:
    """Keeps the step at one place. What it kept is `step`.

    Its methods are called in a transaction that also books money: they never fail for what is in a step.
    """

    def __init__(self, context: TaskContext, turn: int, call: int) -> None:
        self._context = context
        self._turn = turn
        self._call = call
        self._since = time.monotonic()
        self.step: Checkpoint | None = None

    def answer(
        self, answer: ModelAnswer, permit: CallPermit, *, tool_names: Mapping[str, str] | None = None
    ) -> None:
        """What the model said; `tool_names` as `answer_content` has them."""
        content = answer_content(answer, tool_names=tool_names or {})
        self._keep(content, name=answer.model, permit=permit, cost_usd=answer.cost_usd or Decimal(0))

    def result(self, said: CallResult | CallFailed, permit: CallPermit, *, name: str) -> None:
        """What a tool returned. A call that failed is kept only if it is known to have failed for good."""
        if isinstance(said, CallResult):
            self._keep({"value": said.value}, name=name, permit=permit)

    def error(self, message: str, *, name: str) -> Checkpoint:
        """A call that came to nothing, in a transaction of its own."""
        return self._keep({"error": message}, name=name)

    def _keep(
        self,
        content: dict[str, Any],
        *,
        name: str,
        permit: CallPermit | None = None,
        cost_usd: Decimal = Decimal(0),
    ) -> Checkpoint:
        stored = checkpoints.storable(content)
        if len(stored) > checkpoints.MAX_BYTES:
            content = {
                "error": f"it returned {len(stored)} bytes; at most {checkpoints.MAX_BYTES} can be kept"
            }
            stored = checkpoints.storable(content)
        self.step = Checkpoint(
            turn=self._turn,
            call=self._call,
            kind=TaskStep.Kind.RESULT if self._call else TaskStep.Kind.ANSWER,
            content=orjson.loads(stored),  # as whoever goes on will read it
            name=strict_json.storable(name)[:MAX_NAME],
            execution_id=permit.execution_id if permit else None,
            cost_usd=cost_usd,
            seconds=time.monotonic() - self._since,
        )
        context = self._context
        is_new = checkpoints.save(context.task_id, self.step, lease_token=context.lease_token)
        if is_new and context.crash_attempts:
            self._forgive()
        return self.step

    def _forgive(self) -> None:
        """It got on since a process died under it; known to be so when that is committed."""
        context = self._context
        if checkpoints.reset_crash_count(context.task_id, lease_token=context.lease_token):
            transaction.on_commit(lambda: setattr(context, "crash_attempts", 0))


def answer_content(answer: ModelAnswer, *, tool_names: Mapping[str, str]) -> dict[str, Any]:
    """What is kept of an answer: it as it came, and what was read in it. `tool_names` are the tools that were
    offered, by the names that the model was given; kept with the calls, so that each reaches the tool that
    was meant."""
    called = {call.name for call in answer.tool_calls}
    content: dict[str, Any] = {
        "text": answer.text,
        "tool_calls": [call.model_dump() for call in answer.tool_calls],
        "tools": {name: tool for name, tool in tool_names.items() if name in called},
        "message": answer.said or answer.message,
        "model": answer.model,
        "finish_reason": answer.finish_reason,
        "refusal": answer.refusal,
    }
    if _size(content) > checkpoints.MAX_BYTES:
        content["message"] = answer.message  # without what is no part of the conversation
    size = _size(content)
    return content if size <= checkpoints.MAX_BYTES else content | _left_out(size)


def _size(content: dict[str, Any]) -> int:
    return len(checkpoints.storable(content))


def _left_out(size: int) -> dict[str, Any]:
    """An answer that is too long to be kept, as if the provider had cut it off: so it is sent back."""
    message = {"role": "assistant", "content": ""}
    return {"text": "", "tool_calls": [], "message": message, "finish_reason": "length", "left_out": size}
