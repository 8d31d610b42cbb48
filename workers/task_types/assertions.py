"""Values, and what is expected of them: shared by the task types that judge."""

import math
import re
from typing import Annotated, Any

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    model_validator,
)

from governance.db import strict_json
from governance.errors import InvalidJson
from reliability.failures import PermanentFailure


class _Absent:
    """Nothing is there: not even null. No comparison holds of it, but that it does not exist."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()
_STEP = re.compile(r"[A-Za-z0-9_\-]+|\[\d{1,6}\]")


def _walkable(path: str) -> str:
    if not steps(path):
        raise ValueError("a path is expected, as in data.items[0].name")
    return path


def steps(path: str) -> list[str | int]:
    """`data.items[0].name` as steps; empty if it is none."""
    found: list[str | int] = []
    rest = path
    while rest:
        match = _STEP.match(rest)
        if match is None:
            return []
        step = match.group()
        found.append(int(step[1:-1]) if step.startswith("[") else step)
        rest = rest[match.end() :]
        if rest.startswith("."):
            rest = rest[1:]
            if not rest or rest.startswith("["):
                return []
        elif rest and not rest.startswith("["):
            return []
    return found


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is expected, not true or false")  # noqa: TRY004 pydantic reports this one
    return value


Number = Annotated[FiniteFloat, BeforeValidator(_no_truth)]
JsonPath = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_walkable)]


class Comparison(BaseModel):
    """What is expected of a value: everything that is given must hold, and something must be given.

    `minimum`, `maximum` and `target` (with `tolerance`) are for numbers, also those written as text;
    `contains` is for text and lists; `exists` false means that nothing is there.
    """

    model_config = ConfigDict(extra="forbid")

    equals: Any = None
    minimum: Number | None = None
    maximum: Number | None = None
    target: Number | None = None
    tolerance: Number = Field(default=0.0, ge=0)
    contains: str | None = None
    exists: StrictBool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Comparison":
        given = self.model_fields_set - {"tolerance"}
        if not given:
            raise ValueError("expected at least one of: equals, minimum, maximum, target, contains, exists")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return self

    @property
    def sentence(self) -> str:
        """What is expected, in words."""
        said = self.model_dump(mode="json", include=self.model_fields_set)
        return ", ".join(f"{name} {shown(value)}" for name, value in said.items())

    def holds(self, value: Any) -> bool:
        """Whether everything that is expected is true of the value."""
        if value is ABSENT:
            return self.exists is False and self.model_fields_set == {"exists"}
        checks = [self.exists is not False, *self._numeric(value)]
        if "equals" in self.model_fields_set:
            checks.append(_same(self.equals, value))
        if self.contains is not None:
            checks.append(isinstance(value, str | list) and self.contains in value)
        return all(checks)

    def _numeric(self, value: Any) -> list[bool]:
        number = as_number(value)
        checks = []
        if self.minimum is not None:
            checks.append(number is not None and number >= self.minimum)
        if self.maximum is not None:
            checks.append(number is not None and number <= self.maximum)
        if self.target is not None:
            checks.append(number is not None and abs(number - self.target) <= self.tolerance)
        return checks


def as_number(value: Any) -> float | None:
    """The value as a finite number, also one that is written as text (money is); None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def first_value(rows: list[dict[str, Any]], column: str | None) -> Any:
    """The value of this column (default: the first one) in the first row; `ABSENT` without a row."""
    if not rows:
        return ABSENT
    if column is None:
        return next(iter(rows[0].values()), ABSENT)
    if column not in rows[0]:
        raise PermanentFailure(f"the query has no column {column!r}; it has: {', '.join(rows[0])}")
    return rows[0][column]


def document(text: str) -> Any:
    """The text as JSON; `ABSENT` if it is none: then nothing is found in it."""
    try:
        return strict_json.loads(text.encode())
    except InvalidJson:
        return ABSENT


def at(value: Any, path: str) -> Any:
    """What stands at this path, or `ABSENT`."""
    for step in steps(path):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else ABSENT
        else:
            value = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def shown(value: Any) -> str:
    """The value as an operator reads it."""
    if value is ABSENT:
        return "nothing"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _same(expected: Any, value: Any) -> bool:
    """Equal as JSON, at every depth: `1` is `1.0`, but `true` is not `1`."""
    if isinstance(expected, bool) or isinstance(value, bool):
        return expected is value
    if isinstance(expected, list) and isinstance(value, list):
        return len(expected) == len(value) and all(map(_same, expected, value))
    if isinstance(expected, dict) and isinstance(value, dict):
        return expected.keys() == value.keys() and all(_same(expected[key], value[key]) for key in expected)
    return bool(expected == value)
