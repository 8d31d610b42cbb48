"""Which dead letters are meant: one filter for lists, bulk verbs, redrives and commands."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q, QuerySet
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from governance.db import uuid7
from governance.errors import EmptyFilter, FieldError, InvalidFilter
from governance.models import DeadLetter
from governance.tasks.schemas import Text, Time, field_errors


def _listed(value: object) -> object:
    """A list, or one value, or text with several separated by commas."""
    if isinstance(value, str):
        return value.split(",")
    return value if isinstance(value, list) else [value]


def _visible(text: str) -> str:
    """Nearly every error contains a blank: one that slipped in must not come to mean everything."""
    if not text.strip():
        raise ValueError("expected some text that is not blank")
    return text


_Name = Annotated[Text, Field(min_length=1, max_length=100)]
# Anything that is said must match something: a list is never empty, so it can't come to mean "all".
_MOST = 1000
_Said = Annotated[list[str], Field(min_length=1, max_length=_MOST)] | str
_Any = (BeforeValidator(_listed, json_schema_input_type=_Said), Field(min_length=1, max_length=_MOST))


class DeadLetterFilter(BaseModel):
    """Which dead letters are meant. Lists mean any of them; several filters must all hold.

    `matching` is text that the error contains, as it was or normalised, in upper or lower case.
    `created_after` includes its moment, `created_before` does not (ISO 8601 with a zone).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: Annotated[list[UUID], *_Any] | None = None
    status: Annotated[list[DeadLetter.Status], *_Any] | None = None
    task_type: Annotated[list[_Name], *_Any] | None = None
    worker: Annotated[list[_Name], *_Any] | None = None
    service: Annotated[list[_Name], *_Any] | None = None
    tool: Annotated[list[_Name], *_Any] | None = None
    cause: Annotated[list[DeadLetter.Cause], *_Any] | None = None
    matching: Annotated[Text, Field(max_length=1000), AfterValidator(_visible)] | None = None
    created_after: Time | None = None
    created_before: Time | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What must match, by name; JSON that `parse` understands."""
        return self.model_dump(mode="json", exclude_none=True)

    def require(self) -> None:
        """Raise `EmptyFilter` if nothing must match: a verb must not be meant for everything by mistake."""
        if not self.said:
            raise EmptyFilter(list(type(self).model_fields))

    def condition(self) -> Q:
        """What must hold of a `DeadLetter`."""
        spans = {"created_at__gte": self.created_after, "created_at__lt": self.created_before}
        return self.facts() & Q(**{column: value for column, value in spans.items() if value is not None})

    def within(self) -> Q:
        """When it was created, for lists, which go by ids: these are bounded too where they can be."""
        return uuid7.created_within(DeadLetter, self.created_after, self.created_before)

    def is_indexed(self) -> bool:
        """Whether an index finds what is meant, however little that is."""
        said = self.model_fields_set - {"created_after", "created_before"}
        if "signature" in said:
            return said <= {"signature", "status"}
        return said == {"status"} and DeadLetter.Status.RESOLVED not in (self.status or ())

    def facts(self) -> Q:
        """What must hold of it, whenever it was created."""
        named = {column: getattr(self, name) for name, column in _COLUMNS.items()}
        condition = Q(**{column: value for column, value in named.items() if value is not None})
        if self.matching is not None:
            condition &= Q(failure_reason__icontains=self.matching) | Q(
                error_message__icontains=self.matching
            )
        return condition

    def letters(self) -> QuerySet[DeadLetter]:
        """The letters that match now, oldest first; all of them if the filter is empty."""
        return DeadLetter.objects.filter(self.condition()).order_by("pk")

    def __str__(self) -> str:
        """The filter in words: `status pending, matching "connection reset"`."""
        return ", ".join(f"{_WORDS.get(name, name)} {_text(value)}" for name, value in self.said.items())


_COLUMNS = {
    "signature": "signature__in",
    "status": "status__in",
    "task_type": "task_type__in",
    "worker": "worker_id__in",
    "service": "service__in",
    "tool": "tool_name__in",
    "cause": "cause__in",
}
_LISTS = {name for name, column in _COLUMNS.items() if column.endswith("__in")}
_WORDS = {
    "signature": "group", "task_type": "type", "created_after": "from", "created_before": "before",
}  # fmt: skip


def parse(data: object) -> DeadLetterFilter:
    """The filter in `data` (a JSON object). Raises `InvalidFilter`, which names every field that is wrong."""
    try:
        return DeadLetterFilter.model_validate(data)
    except ValidationError as invalid:
        raise InvalidFilter([_by_name(error) for error in field_errors(invalid)]) from None


def parse_query(asked: Mapping[str, Sequence[str]], *, besides: Iterable[str] = ()) -> DeadLetterFilter:
    """The filter that a query string (name → values) means; names in `besides` are left to the caller.

    Raises `InvalidFilter`. Values of a list may be given one by one or separated by commas.
    """
    mine = {name: list(values) for name, values in asked.items() if name not in besides}
    twice = [name for name, values in mine.items() if name not in _LISTS and len(values) != 1]
    if twice:
        raise InvalidFilter([FieldError(name, "expected once") for name in twice])
    return parse({name: ",".join(values) if name in _LISTS else values[0] for name, values in mine.items()})


def _by_name(error: FieldError) -> FieldError:
    name = error.field.partition(".")[0]
    if name in DeadLetterFilter.model_fields:
        return FieldError(name, error.message)
    expected = ", ".join(DeadLetterFilter.model_fields)
    return FieldError(
        name, f"unknown filter; expected one of: {expected}" if name != "body" else error.message
    )


def _text(value: object) -> str:
    if isinstance(value, list):
        return " or ".join(str(part) for part in value)
    return f'"{value}"' if " " in str(value) else str(value)
