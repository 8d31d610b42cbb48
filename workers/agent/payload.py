"""Payload, limits and result of an agent."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from governance.tasks.schemas import Text
from workers.agent import answer_schema as agent_answer_schema

MAX_PROMPT = 100_000
ToolName = Annotated[Text, Field(min_length=1, max_length=200)]
ModelName = Annotated[Text, Field(min_length=1, max_length=200)]


class Limits(BaseModel):
    """Where an agent is stopped. They hold for the task as a whole, across attempts, until it is retried.

    `turns` counts answers of the model, `tool_calls` the calls that it asked for. `cost_usd` is what the
    ledger says that the task cost, charges without a known price and corrections included; `seconds` the
    time that its calls took, waiting for people and breakers left out.
    `identical_calls` stops at so many calls in a row of one tool with the same arguments, `idle_turns`
    at so many turns in a row that brought nothing but errors or what was known before.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    turns: int = Field(default=30, ge=1, le=1_000)
    tool_calls: int = Field(default=100, ge=0, le=10_000)
    cost_usd: Decimal | None = Field(default=None, gt=0, max_digits=18, decimal_places=9, strict=False)
    seconds: int | None = Field(default=None, ge=1, le=7 * 86_400)
    identical_calls: int = Field(default=3, ge=2, le=100)
    idle_turns: int = Field(default=5, ge=2, le=100)


class AgentPayload(BaseModel):
    """What is to be done, and with what.

    `tools` are the names that the agent may use (`http.*` for all that begin so), out of those that
    its worker is permitted; none named means all of them, an empty list none. `models` are tried in
    this order; none named means those of the worker. With `answer_schema`, a JSON schema of an
    object, the answer is JSON that fits it, and `repairs` is how often a wrong one is sent back.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: Text = Field(min_length=1, max_length=MAX_PROMPT)
    context: dict[str, Any] | list[Any] | None = None
    tools: list[ToolName] | None = Field(default=None, max_length=100)
    models: list[ModelName] | None = Field(default=None, min_length=1, max_length=10)
    answer_schema: dict[str, Any] | None = None
    repairs: int = Field(default=2, ge=0, le=10)
    max_tokens: int = Field(default=4_096, ge=1, le=200_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    seconds_per_answer: int = Field(default=120, ge=1, le=3_600)
    limits: Limits = Field(default_factory=Limits)

    @field_validator("answer_schema")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None and (flaw := agent_answer_schema.find_error(schema)):
            raise ValueError(flaw)
        return schema


class AgentResult(BaseModel):
    """The answer: text, or what `answer_schema` asked for, with what it took."""

    answer: Any
    turns: int
    tool_calls: int
    repairs: int
    cost_usd: str
    models: list[str]
