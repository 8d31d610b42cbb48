"""Request bodies of the actions on dead letters."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator

from governance.errors import InvalidFilter
from governance.models import FailureSignature
from governance.tasks.schemas import Text
from juggernaut.api.schemas import ClosedModel, ReasonRequired, read
from reliability.dead_letters import filters
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.redrives.services import MAX_FAILURE_RATE, PACE_PER_SECOND

__all__ = ["ClosedModel", "ReasonRequired", "read"]

# A selection is moved while the client waits; more is a redrive's work.
MAX_IDS = 1000


class Note(ClosedModel):
    note: Annotated[Text, Field(max_length=1000)]


class Triage(ClosedModel):
    """What somebody thinks of a group; `triage.ignore` says what the ends of ignoring mean."""

    triage: FailureSignature.Triage
    note: Annotated[Text, Field(max_length=1000)] = ""
    until: Any = None
    failures: Any = None
    per_hour: Any = None


def _as_filter(value: object) -> DeadLetterFilter:
    try:
        return filters.parse(value)
    except InvalidFilter as invalid:
        raise ValueError(str(invalid)) from None


Filter = Annotated[DeadLetterFilter, BeforeValidator(_as_filter)]


class Selection(ClosedModel):
    """Letters named by their ids, or all open ones that match a filter: one of both."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)] | None = None
    filter: Filter | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Selection":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("expected ids or filter, one of both")
        return self

    @property
    def unique_ids(self) -> list[UUID]:
        return list(dict.fromkeys(self.ids or ()))

    @property
    def meant(self) -> DeadLetterFilter | list[UUID]:
        return self.unique_ids if self.filter is None else self.filter


class RetrySelection(Selection, ReasonRequired):
    """`reason` may be left out for a selection; a redrive has one."""


class ResolveSelection(Selection, Note):
    """Why they are resolved stands in `note`."""


class RedriveTerms(Selection):
    """How a redrive is to go; `redrives.start` says what each means and how far it may go."""

    ids: Annotated[list[UUID], Field(min_length=1)] | None = None
    pace: float = PACE_PER_SECOND
    canary: Annotated[bool, Field(strict=True)] = True


class RedriveStart(RedriveTerms, ReasonRequired):
    max_failure_rate: float = MAX_FAILURE_RATE
