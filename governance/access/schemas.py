"""On which terms a permission is given: how often, when, and whether a person is asked each time."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from governance.errors import InvalidInput
from governance.tasks.schemas import Time, field_errors

_Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]


class PermissionInput(BaseModel):
    """Quotas (null: none), times (ISO 8601 with a zone; null: at once, without end), approval."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_calls_per_day: _Count | None = None
    max_calls_per_minute: _Count | None = None
    requires_approval: Annotated[bool, Field(strict=True)] = False
    valid_from: Time | None = None
    valid_until: Time | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_from must be before valid_until")
        return self

    @classmethod
    def parse(cls, said: Mapping[str, object]) -> "PermissionInput":
        """The terms that were said; raises `InvalidInput` that names every wrong one."""
        try:
            return cls.model_validate(said)
        except ValidationError as invalid:
            raise InvalidInput(field_errors(invalid)) from None
