"""Declares the OpenAPI operation of an endpoint beside it; `/api/schema` is made from it.

    @describe("Tasks", of=TASK_ID, post=Operation("cancel_task", "Cancel a task", {200: Moved}, body=Reason))
    class Cancel(One): ...

`body` and `filters` are the models that the endpoint parses with, so they cannot say anything else. Answers
are models, too: `columns` makes one of the columns that a selector reads. A test compares all of it with what
the server really does. What every endpoint may answer (401, 429, …) is added for all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

View = TypeVar("View", bound=type)
Shape = type[BaseModel]


@dataclass(frozen=True, slots=True)
class PathParameter:
    """What may stand in an address where its pattern has `<…:name>`."""

    name: str
    text: str
    example: str
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A header that a request may carry, or an answer carries."""

    name: str
    text: str
    max_length: int | None = None


LOCATION = Header("Location", "The address of what was made.")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of an endpoint.

    `answers` are by status, None where there is no body; `refuses` are statuses of problem documents besides
    those that every endpoint has; `examples` are bodies, by what they show; `also` names content types of
    the answer besides JSON.
    """

    id: str
    summary: str
    answers: Mapping[int, Any]
    body: Shape | None = None
    filters: Shape | None = None
    is_paged: bool = False
    refuses: Sequence[int] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    takes: Sequence[Header] = ()
    sends: Sequence[Header] = ()
    text: str = ""
    also: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """All of an endpoint; operations by their method in lower case."""

    tag: str
    of: PathParameter | None
    operations: Mapping[str, Operation]


def endpoint(tag: str, *, of: PathParameter | None = None, **operations: Operation) -> Callable[[View], View]:
    """Declare the operations of the decorated view: `get=Operation(…)`, `post=…`."""

    def mark(view: View) -> View:
        view.described = Description(tag, of, operations)  # type: ignore[attr-defined]
        return view

    return mark


class ItemResult(BaseModel):
    """An answer: exactly these fields."""

    model_config = ConfigDict(extra="forbid")


def record(name: str, text: str = "", /, *, base: Shape = ItemResult, **fields: Any) -> Shape:
    """The model of an answer with these fields, and those of `base`; all of them are always there."""
    required: dict[str, Any] = {field: (kind, ...) for field, kind in fields.items()}
    return create_model(name, __base__=base, __doc__=text or None, **required)


def many(item: Shape) -> Any:
    """The type of a list of these."""
    return list[item]  # type: ignore[valid-type]


def page(name: str, item: Shape) -> Shape:
    """A page of a list that is called `name`, and the address of the next one."""
    title = f"{item.__name__}Page"
    return record(
        title,
        "`next` is the address of the next page; null when this is the last.",
        **{name: many(item), "next": str | None},
    )
