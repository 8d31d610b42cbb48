"""Metadata of a declared setting: its names, whether it is secret, the values expected."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo

FILE_SUFFIX = "_FILE"
TRUTH_WORDS = "1, true, yes or on; 0, false, no or off"


def names(field: FieldInfo) -> list[str]:
    """The variables that give a setting, the one that counts first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [choice for choice in alias.choices if isinstance(choice, str)]
    return [str(alias)]


def is_secret(field: FieldInfo) -> bool:
    """Whether values of the setting are shown to nobody, and may be given as a file."""
    return SecretStr in _parts(field.annotation)


def note(field: FieldInfo, name: str) -> Any:
    """What else was declared under this name."""
    extra = field.json_schema_extra
    return extra.get(name) if isinstance(extra, dict) else None


def known(model: type[BaseModel]) -> set[str]:
    """Every variable that means something to the model."""
    found: set[str] = set()
    for field in model.model_fields.values():
        found.update(names(field))
        if is_secret(field):
            found.add(names(field)[0] + FILE_SUFFIX)
    return found


def expected(field: FieldInfo) -> str:
    """What a value must be, in words."""
    if declared := note(field, "expected"):
        return str(declared)
    kinds = _parts(field.annotation)
    if bool in kinds:
        return TRUTH_WORDS
    if int in kinds or float in kinds:
        low, high = (_bound(field, kind) for kind in (Ge, Le))
        return f"a {'whole ' if int in kinds else ''}number from {low:g} to {high:.0f}"
    return _one_of(kinds)


def _one_of(kinds: list[Any]) -> str:
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return _listed([str(each.value) for each in kind])
        if get_origin(kind) is Literal:
            return _listed([str(each) for each in get_args(kind)])
    return "text"


def _listed(words: list[str]) -> str:
    quoted = [f"'{word}'" for word in words]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _bound(field: FieldInfo, kind: type[Ge] | type[Le]) -> Any:
    return next(getattr(each, kind.__name__.lower()) for each in field.metadata if isinstance(each, kind))


def _parts(annotation: Any) -> list[Any]:
    """The annotation and everything inside it."""
    return list(_walk(annotation))


def _walk(annotation: Any) -> Iterator[Any]:
    yield annotation
    if get_origin(annotation) is not Literal:
        for inner in get_args(annotation):
            yield from _walk(inner)
