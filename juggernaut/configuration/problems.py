"""Configuration errors: all at once, by name, value and what was expected."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from governance.audit import redaction
from juggernaut.configuration import fields

MAX_SHOWN = 200


class Problem(NamedTuple):
    """A sentence about the variable `name`."""

    name: str
    text: str


class ConfigurationError(ImproperlyConfigured):
    """The settings cannot be used. Its text names every variable that must change, and no secret."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.text for problem in problems))


def of_values(model: type[BaseModel], *, error: ValidationError) -> list[Problem]:
    """One problem for each setting whose value was refused."""
    by_name: dict[str, Problem] = {}
    for detail in error.errors(include_url=False, include_input=False):
        field = _field(model, name=str(detail["loc"][0]))
        is_own_text = detail["type"] == "value_error"
        expected = str(detail["ctx"]["error"]) if is_own_text else fields.expected(field)
        problem = _problem(field, expected=expected)
        by_name.setdefault(fields.names(field)[0], problem)
    return list(by_name.values())


def _field(model: type[BaseModel], *, name: str) -> FieldInfo:
    for field_name, field in model.model_fields.items():
        if name == field_name or name in fields.names(field):
            return field
    raise LookupError(f"no setting is called {name}")


def _problem(field: FieldInfo, *, expected: str) -> Problem:
    given = next((name for name in fields.names(field) if name in os.environ), fields.names(field)[0])
    if fields.is_secret(field):
        return Problem(given, f"{given} cannot be used (its value is not shown); expected {expected}")
    value = redaction.hide(os.environ.get(given, ""))
    shown = value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"
    return Problem(given, f"{given} is {shown!r}; expected {expected}")
