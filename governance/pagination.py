"""Pagination of every list: filters read from a query string, and pages linked by cursors."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError

from governance.errors import FieldError, InvalidFilter
from governance.tasks.schemas import field_errors

MAX_LIMIT = 200

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

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
        key = self._key()
        if key is not None and len(key) != size:
            raise wrong_cursor()
        return key

    def after_text(self) -> str | None:
        """The same for a list whose keys are texts."""
        try:
            key = self._key()
            return None if key is None else key.decode()
        except UnicodeDecodeError:
            raise wrong_cursor() from None

    def _key(self) -> bytes | None:
        if self.cursor is None:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            return base64.b64decode(padded, altchars=b"-_", validate=True)
        except ValueError:
            raise wrong_cursor() from None


OPTIONS = tuple(Options.model_fields)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor of the next ones; None when these are the last. Rows may be few, even none,
    although others follow (`governance.db.bounded_queries`)."""

    rows: list[Row]
    cursor: str | None


def options(asked: Asked) -> Options:
    return validate(Options, {name: single(name, asked[name]) for name in OPTIONS if name in asked})


def page(rows: list[Row], *, limit: int, key: Callable[[Row], bytes]) -> Page:
    """The page of these rows, of which one more than `limit` were read to see whether there are more."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], cursor_of(key(rows[limit - 1])))


def cursor_of(key: bytes) -> str:
    """How a key is written in an address."""
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


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


def parse(model: type[Model], asked: Asked) -> Model:
    """The filter that a query string means; what it says of the page (`OPTIONS`) is left out. Fields that
    are lists take several values.

    Raises `InvalidFilter` for every unknown name and every value that cannot be.
    """
    return _parse(model, asked, besides=OPTIONS)


def parse_whole(model: type[Model], asked: Asked) -> Model:
    """The same of a question whose answer has no pages."""
    return _parse(model, asked, besides=())


def _parse(model: type[Model], asked: Asked, *, besides: Sequence[str]) -> Model:
    refuse_unknown(asked, known=[*model.model_fields, *besides])
    lists = lists_of(model)
    named = {name: asked[name] for name in model.model_fields if name in asked}
    return validate(model, {n: split(v) if n in lists else single(n, v) for n, v in named.items()})


def lists_of(model: type[BaseModel]) -> list[str]:
    """The fields that are lists, or lists that may be left out."""
    return [name for name, field in model.model_fields.items() if _is_list(field.annotation)]


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list or any(get_origin(part) is list for part in get_args(annotation))


def moment_key(moment: datetime) -> bytes:
    """A time as eight bytes of a cursor."""
    return ((moment - _EPOCH) // _MICROSECOND).to_bytes(8, signed=True)


def moment_of(key: bytes) -> datetime:
    """The time that `moment_key` made; raises `InvalidFilter` for what it cannot have made."""
    try:
        return _EPOCH + int.from_bytes(key, signed=True) * _MICROSECOND
    except OverflowError:
        raise wrong_cursor() from None
