"""References: `{"$from": "fetch.items.0.url"}` in a payload stands for a value that another step brings.

The first part names the step (or `inputs`, the workflow's own), the others are keys and list indices into
its result; without others it is the whole result. `{"$from": …, "$default": x}` stands for x where the
value does not exist: the step failed, or its result has no such place.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

FROM = "$from"
DEFAULT = "$default"
INPUTS = "inputs"
NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_WRITTEN = re.compile(rf"({NAME})((?:\.[^.\s]+)*)")

Place = tuple[str | int, ...]


class BadReference(ValueError):
    """An object with `$from` that is no reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One place of a payload and the value that belongs there."""

    place: Place
    step: str
    path: tuple[str, ...]
    has_default: bool = False
    default: Any = None

    def __str__(self) -> str:
        return ".".join((self.step, *self.path))


def is_reference(value: object) -> bool:
    return isinstance(value, dict) and FROM in value


def parse(value: dict[str, Any], place: Place = ()) -> Reference:
    """The reference that this object is; raises `BadReference`."""
    if unknown := sorted(value.keys() - {FROM, DEFAULT}):
        raise BadReference(
            f"a reference has {FROM} and {DEFAULT}, and nothing else: not {', '.join(unknown)}"
        )
    written = value[FROM]
    found = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise BadReference(f"{FROM} says a step and a path, such as fetch.items.0.url (got {written!r:.60})")
    path = tuple(found[2].split(".")[1:])
    return Reference(place, found[1], path, DEFAULT in value, value.get(DEFAULT))


def find(value: object, place: Place = ()) -> Iterator[Reference]:
    """Every reference in it, with its place; raises `BadReference` at the first that is none."""
    if is_reference(value):
        yield parse(value, place)  # type: ignore[arg-type]
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from find(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from find(inner, (*place, number))


def contains(value: object) -> bool:
    """Whether there is a reference, well written or not, anywhere in it."""
    if isinstance(value, dict):
        return FROM in value or any(map(contains, value.values()))
    return isinstance(value, list) and any(map(contains, value))


def fill(value: Any, known: Callable[[Reference], Any], place: Place = ()) -> Any:
    """A copy with the value of every reference in its place."""
    if is_reference(value):
        return known(parse(value, place))
    if isinstance(value, dict):
        return {key: fill(inner, known, (*place, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, known, (*place, number)) for number, inner in enumerate(value)]
    return value
