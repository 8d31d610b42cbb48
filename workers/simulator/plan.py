"""The plan of the simulator: faults, latency and script lines, as JSON."""

import fnmatch
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FaultKind = Literal[
    "status",
    "error_in_200",
    "no_choices",
    "broken_json",
    "cut",
    "reset",
    "hang",
    "wrong_content_type",
    "compressed",
    "deep",
    "slow_body",
]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Call(_Told):
    """A chat completion that is asked for. `number` counts from 1 and `seconds` runs, both since the plan was
    told; `turn` is how often the model has spoken in this conversation."""

    number: int
    seconds: float
    model: str
    text: str
    turn: int


class Fault(_Told):
    """One way to fail, and when. A call gets the first fault that concerns it.

    - `status`: this status, with an error body as OpenRouter sends it
    - `error_in_200`: status 200, and a body with `error.code`
    - `no_choices`, `broken_json`, `wrong_content_type`: status 200 and a body that is no answer
    - `cut`: the connection closes in the middle of a good answer, streamed or not
    - `reset`: the connection is reset before an answer; `hang`: none ever comes
    - `compressed`: a good answer of 64 MiB, which is 64 KiB on the wire
    - `deep`: a good answer with a field of 500 levels
    - `slow_body`: a good answer that comes byte by byte and does not end

    `rate` is the share of the calls concerned (each fault has a die of its own), `times` the most that it
    happens.
    """

    kind: FaultKind = "status"
    status: int = Field(default=500, ge=300, le=599)
    message: str = ""
    metadata: dict[str, Any] = {}
    retry_after: float | str | None = None
    cost_usd: float | None = None
    model: str = "*"
    contains: str = ""
    from_call: int = Field(default=1, ge=1)
    until_call: int | None = None
    from_seconds: float = 0.0
    until_seconds: float | None = None
    rate: float = Field(default=1.0, ge=0, le=1)
    times: int | None = Field(default=None, ge=0)

    def concerns(self, call: Call) -> bool:
        """Whether this call is to fail so, leaving `rate` and `times` aside."""
        return (
            fnmatch.fnmatchcase(call.model, self.model)
            and self.contains in call.text
            and self.from_call <= call.number <= (self.until_call or call.number)
            and self.from_seconds <= call.seconds
            and (self.until_seconds is None or call.seconds < self.until_seconds)
        )


class ToolUse(_Told):
    """A call of a tool that the model makes. Text as arguments is sent as it is, also if it is no JSON."""

    name: str
    arguments: dict[str, Any] | str = {}
    id: str = ""


class Line(_Told):
    """An answer to be given to calls of this model whose messages contain this text, at this turn (from 0).

    `json_answer` is sent as text. `message` are fields of the message as they are sent, instead of those that
    the line makes: parts, a refusal, calls that are none; they are not streamed.

    Usage and cost are worked out unless they are given; `cost_usd` null with `without_cost` leaves the cost
    out, as providers other than OpenRouter do. With `usage_as_is`, `usage` is all that is sent, whatever it
    holds, and null leaves it out.
    """

    model: str = "*"
    contains: str = ""
    turn: int | None = None
    times: int | None = Field(default=None, ge=0)
    text: str | None = None
    json_answer: Any = None
    tool_calls: list[ToolUse] = []
    message: dict[str, Any] = {}
    finish_reason: str = ""
    served_by: str = ""
    usage: Any = None
    usage_as_is: bool = False
    cost_usd: float | None = None
    without_cost: bool = False
    seconds: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _says_something(self) -> "Line":
        if self.text is None and self.json_answer is None and not self.tool_calls and not self.message:
            raise ValueError("says nothing: give text, json_answer, tool_calls or message")
        return self

    def concerns(self, call: Call) -> bool:
        return (
            fnmatch.fnmatchcase(call.model, self.model)
            and self.contains in call.text
            and self.turn in (None, call.turn)
        )


class Latency(_Told):
    """How long an answer takes: `seconds`, and up to `jitter_seconds` more."""

    seconds: float = Field(default=0.0, ge=0)
    jitter_seconds: float = Field(default=0.0, ge=0)


class Plan(_Told):
    """All of it. What is left out of a message to the control endpoint stays as it was."""

    faults: list[Fault] = []
    script: list[Line] = []
    latency: Latency = Latency()
