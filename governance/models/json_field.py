"""JSON columns whose rows can always be read, whatever was typed into them in SQL."""

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from governance.db import strict_json

TOO_DEEP = {"unreadable": f"JSON nested more than {strict_json.MAX_DEPTH} levels deep"}


class JsonField(models.JSONField):
    """Django's JSONField, for values that SQL may have put there: PostgreSQL takes more than Python can read.

    A value that is nested too deeply is read as `TOO_DEEP`, and an integer of more than 64 bits as a float
    or, beyond that, as text. A row is never the reason that its list, page or batch cannot be read.
    """

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return read(value) if isinstance(value, str) else value

    def deconstruct(self) -> Any:
        """Migrations know Django's own field: the column is the same."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.JSONField", arguments, options


def read(text: str) -> Any:
    """The value of a JSON column, whatever stands there."""
    try:
        found = json.loads(text, parse_int=_integer)
    except RecursionError:
        return dict(TOO_DEEP)
    return dict(TOO_DEEP) if strict_json.is_too_deep(found, text=text) else found


def _integer(digits: str) -> int | float | str:
    if len(digits) <= 18:
        return int(digits)
    return strict_json.fitting(digits)
