"""Models of answers, made from the columns of a table that a selector reads."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Optional
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from juggernaut.api.openapi.declaration import Shape, record

_KINDS: tuple[tuple[type[models.Field], Any], ...] = (
    (models.UUIDField, UUID),
    (models.BooleanField, bool),
    (models.IntegerField, int),
    (models.FloatField, float),
    (models.DecimalField, Decimal),
    (models.DateTimeField, datetime),
    (models.JSONField, Any),
    (models.CharField, str),
    (models.TextField, str),
)


def columns(
    name: str, model: type[models.Model], read: Iterable[str], text: str = "", /, **more: Any
) -> Shape:
    """The answer that tells the columns `read` of this table, and what is in `more` besides."""
    table = model._meta  # noqa: SLF001 (Django's documented way)
    fields = {column: _kind(table.get_field(column)) for column in read}
    return record(name, text, **(fields | more))


def _kind(field: Any) -> Any:
    kind = _plain_kind(field)
    return Optional[kind] if field.null and kind is not Any else kind  # noqa: UP045 (made at run time)


def _plain_kind(field: Any) -> Any:
    if isinstance(field, models.ForeignKey):
        return _plain_kind(field.target_field)
    if isinstance(field, ArrayField):
        return list[_plain_kind(field.base_field)]  # type: ignore[misc]
    if field.choices:
        return Literal[tuple(_choices(field))]
    return next(kind for base, kind in _KINDS if isinstance(field, base))


def _choices(field: Any) -> list[str]:
    """What the column may hold; the empty text where that is its default."""
    return [*([""] if field.blank else []), *(value for value, _ in field.flatchoices)]
