"""The answer of a model, as task types and agents read it."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from gateway.providers import body
from governance.audit import redaction
from governance.costs.pricing import Usage
from reliability.failures import PermanentFailure


class Unanswered(StrEnum):
    """Why a model gives no answer that could be used, and would give none to the same question again."""

    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"
    CONTEXT_OVERFLOW = "context_overflow"
    MAX_TOKENS = "max_tokens"


class NoAnswer(PermanentFailure):
    """The provider does not take the question as it stands; `reason` says why."""

    def __init__(self, message: str, *, reason: Unanswered, tool_name: str = "", service: str = "") -> None:
        super().__init__(message, tool_name=tool_name, service=service)
        self.reason = reason


class ToolCall(BaseModel):
    """A tool that the model wants called. `name` and `arguments` are what it wrote; `id` is unique in its
    answer, and one that every provider takes back."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """The arguments; raises `ValueError` if they are no JSON object."""
        return arguments_of(self.arguments)


def arguments_of(text: str) -> dict[str, Any]:
    """The arguments of a call; raises `ValueError` if they are no JSON object. Nothing, and null, are no
    arguments: models write both for tools that need none."""
    if not text.strip():
        return {}
    if flaw := body.find_error(text.encode(errors="replace")):
        raise ValueError(f"the arguments are {flaw}")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the arguments are not JSON: {error}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(  # noqa: TRY004 one error for both
            f"the arguments are {_KINDS.get(type(found), 'a number')}; a JSON object is expected"
        )
    return found


_KINDS = {list: "a JSON array", str: "a JSON text", bool: "true or false"}


class ModelAnswer(BaseModel):
    """One answer, fit to be stored: `model_dump(mode="json")` and `model_validate` go there and back.

    `model` is the one that served. `cost_usd` is what the ledger says of the call: the whole hold where no
    price is known, None only if it could not be booked yet (the hold is charged when it expires).
    `finish_reason` is the provider's, by its usual name: `stop`, `tool_calls`, `length` (cut off at
    `max_tokens`), `content_filter`, `refusal`, `context_overflow`. `refusal` is the text with which the model
    declined. `message` goes into the conversation as it is, for the next turn; `said` is the message as it
    came, for the record.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    text: str
    tool_calls: list[ToolCall]
    model: str
    usage: Usage
    cost_usd: Decimal | None
    finish_reason: str
    request_id: str
    message: dict[str, Any]
    refusal: str = ""
    said: dict[str, Any] = Field(default_factory=dict)

    @property
    def unanswered(self) -> Unanswered | None:
        """Why this is no answer and asking again would not help, or None."""
        return why_unanswered(
            text=self.text,
            has_calls=bool(self.tool_calls),
            finish_reason=self.finish_reason,
            refusal=self.refusal,
        )


def why_unanswered(*, text: str, has_calls: bool, finish_reason: str, refusal: str) -> Unanswered | None:
    """Why an answer with this content is none and asking again would not help, or None."""
    if finish_reason in (Unanswered.CONTENT_FILTER, Unanswered.CONTEXT_OVERFLOW):
        return Unanswered(finish_reason)
    if has_calls:
        return None
    if refusal or finish_reason == Unanswered.REFUSAL:
        return Unanswered.REFUSAL
    if finish_reason == "length" and not text.strip():
        return Unanswered.MAX_TOKENS
    return None


def explain(reason: Unanswered, *, refusal: str) -> str:
    """The reason in words; a refusal in those of the model."""
    if reason is Unanswered.REFUSAL and refusal:
        return f"the model declined: {' '.join(redaction.text(refusal, limit=_MAX_REFUSAL).split())}"
    return _EXPLANATIONS[reason]


_MAX_REFUSAL = 300
_EXPLANATIONS = {
    Unanswered.REFUSAL: "the model declined and gave no reason",
    Unanswered.CONTENT_FILTER: "the provider's content filter ended the answer",
    Unanswered.CONTEXT_OVERFLOW: "the conversation does not fit the model's context",
    Unanswered.MAX_TOKENS: "the answer used all its tokens (max_tokens) before its first word",
}
