"""Task type `tool_execution`: one call of one tool, as an operator or a service asks for it."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from governance.tasks import checkpoints
from governance.tasks import registry as task_types
from reliability.calls import threads
from reliability.engine.context import TaskContext
from reliability.failures import PermanentFailure, TransientFailure
from workers import tools
from workers.checkpoint_store import CheckpointStore
from workers.tools import repeating

# There is one call: the first of the first turn.
_PLACE = (1, 1)
_KEY = checkpoints.key(*_PLACE)


class ToolExecutionPayload(BaseModel):
    """Which tool is called, with which arguments; `GET /api/task-types` lists the tools with theirs."""

    model_config = ConfigDict(extra="forbid")

    tool_name: Annotated[str, Field(min_length=1, max_length=200)]
    arguments: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_called(self) -> "ToolExecutionPayload":
        """An unknown tool, or wrong arguments, are told at submission, not when the task runs."""
        try:
            tools.get(self.tool_name).parse(self.arguments)
        except (tools.UnknownTool, tools.InvalidArguments) as wrong:
            raise ValueError(str(wrong)) from None
        return self


class ToolAnswer(BaseModel):
    """What the tool answered: JSON, of at most `tools.MAX_ANSWER_BYTES`."""

    tool_name: str
    answer: Any


@task_types.register("tool_execution", schema=ToolExecutionPayload, worker="EXECUTOR", timeout_seconds=120)
async def execute(payload: ToolExecutionPayload, context: TaskContext) -> ToolAnswer:
    """Call the tool through the call pipeline; every refusal and failure names it.

    What it answered is stored with the booking of the call, so that an attempt that dies afterwards does not
    make it again; whether a call of which nobody knows the outcome is made again, its tool's policy says.
    """
    answered, was_begun = await threads.run_in_thread(_past, context)
    if answered is None:
        answered = {"value": await _call(payload, context, was_begun=was_begun)}
    if "error" in answered:
        raise PermanentFailure(answered["error"], tool_name=payload.tool_name)
    return ToolAnswer(tool_name=payload.tool_name, answer=answered["value"])


def _past(context: TaskContext) -> tuple[Mapping[str, Any] | None, bool]:
    """What the call has answered, and whether it was sent, in an earlier attempt."""
    answered = next((step.content for step in checkpoints.load(context.task_id)), None)
    return answered, _KEY in checkpoints.started_calls(context.task_id)


async def _call(payload: ToolExecutionPayload, context: TaskContext, *, was_begun: bool) -> Any:
    tool = tools.get(payload.tool_name)
    allow = partial(repeating.allow, context, tool, payload.arguments, _KEY)
    if was_begun:
        await allow()
    kept = partial(CheckpointStore(context, *_PLACE).result, name=tool.name)
    try:
        return await tools.call(context, tool.name, payload.arguments, key=_KEY, kept=kept)
    except TransientFailure as failure:
        if failure.is_outcome_unknown:
            await allow()
        raise
