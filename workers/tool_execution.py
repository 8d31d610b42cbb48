"""Task type `tool_execution`: one call of one tool, as an operator or a service asks for it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from governance import task_types
from reliability.engine.context import TaskContext
from workers import tools


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
    """Call the tool through the door; every refusal and failure names it."""
    answer = await tools.call(context, payload.tool_name, payload.arguments)
    return ToolAnswer(tool_name=payload.tool_name, answer=answer)
