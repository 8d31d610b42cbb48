"""What a model answered."""

from decimal import Decimal
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from governance.prices import Usage


class ToolCall(BaseModel):
    """A tool that the model wants called. `arguments` is what it wrote: JSON, if it is able to."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """The arguments; raises `ValueError` if they are no JSON object."""
        try:
            found = orjson.loads(self.arguments or "{}")
        except orjson.JSONDecodeError as error:
            raise ValueError(f"the arguments of {self.name} are not JSON: {error}") from None
        if not isinstance(found, dict):
            raise ValueError(f"the arguments of {self.name} are no JSON object")  # noqa: TRY004 one error for both
        return found


class ModelAnswer(BaseModel):
    """One answer, fit to be stored: `model_dump(mode="json")` and `model_validate` go there and back.

    `model` is the one that served. `cost_usd` is what the ledger says of the call: the whole hold where no
    price is known, None only if it could not be booked yet (the hold is charged when it expires).
    `finish_reason` is the provider's: `stop`, `tool_calls`, `length` (cut off at `max_tokens`),
    `content_filter`. `message` goes into the conversation as it is, for the next turn.
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
