"""What every list shares: filters read from a query string, and pages that follow one another by cursor."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from governance.errors import FieldError, InvalidFilter
from governance.submission import field_errors

MAX_LIMIT = 200

Asked = Mapping[str, Sequence[str]]
Row = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


class Options(BaseModel):
    """How many rows a page has, and after which one it begins."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 50
    cursor: str | None = None

    def after(self, *, size: int) -> bytes | None:
        """The key, of this many bytes, of the last row that was seen; None on the first page.

        Raises `InvalidFilter` if no page gave the cursor out.
        """
        if self.cursor is None:
            return None
        try:
            key = base64.b64decode(f"{self.cursor}==", altchars=b"-_", validate=True)
        except ValueError:
            key = b""
        if len(key) != size:
            raise wrong_cursor()
        return key


OPTIONS = tuple(Options.model_fields)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor of the next ones; None when these are the last."""

    rows: list[Row]
    cursor: str | None


def options(asked: Asked) -> Options:
    return validate(Options, {name: single(name, asked[name]) for name in OPTIONS if name in asked})


def page(rows: list[Row], *, limit: int, key: Callable[[Row], bytes]) -> Page:
    """The page of these rows, of which one more than `limit` were read to see whether there are more."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], base64.urlsafe_b64encode(key(rows[limit - 1])).decode().rstrip("="))


def wrong_cursor() -> InvalidFilter:
    return InvalidFilter([FieldError("cursor", "not a cursor of this list")])


def refuse_unknown(asked: Iterable[str], *, known: Sequence[str]) -> None:
    expected = f"unknown filter; expected one of: {', '.join(known)}"
    if errors := [FieldError(name, expected) for name in asked if name not in known]:
        raise InvalidFilter(errors)


def validate(model: type[Model], values: Row) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as invalid:
        # The name of the filter is enough; which one of its values was wrong stands in the message.
        errors = [FieldError(e.field.partition(".")[0], e.message) for e in field_errors(invalid)]
        raise InvalidFilter(errors) from None


def split(values: Sequence[str]) -> list[str]:
    """Values of a list, given one by one or separated by commas."""
    return [part for value in values for part in value.split(",")]


def single(name: str, values: Sequence[str]) -> str:
    if len(values) != 1:
        raise InvalidFilter([FieldError(name, "expected once")])
    return values[0]
