"""The shape of an answer: a JSON schema that a submitter wrote, applied to what a model said.

Neither may reach the network (a `$ref` to an address is fetched by the library), nor keep the process busy:
patterns that try all ways, references that multiply. So references stay within the schema, patterns are
matched in linear time, some keywords are not taken, and applying it has a bound.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import orjson
from jsonschema import SchemaError, ValidationError
from jsonschema.validators import Draft202012Validator, extend
from pydantic import StringConstraints, TypeAdapter
from pydantic import ValidationError as Mismatch
from pydantic_core import SchemaError as BadPattern
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

MAX_BYTES = 64 * 1024
MAX_WORK = 100_000
_NOT_TAKEN = (
    "patternProperties", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef",
)  # fmt: skip


def find_error(schema: Mapping[str, Any]) -> str | None:
    """Why this cannot be the shape of an answer, or None."""
    if (size := len(orjson.dumps(schema))) > MAX_BYTES:
        return f"it has {size} bytes as JSON; at most {MAX_BYTES} are taken"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as wrong:
        return f"no JSON schema: {wrong.message} (at {wrong.json_path})"
    if schema.get("type") != "object":
        return 'a JSON schema of an object is expected: {"type": "object", …}'
    return next(_flaws(schema, _resolver(schema)), None)


def faults(answer: Any, schema: Mapping[str, Any]) -> list[str]:
    """Where the answer does not fit, and how."""
    bounded: Any = extend(Draft202012Validator, _bounded())  # type: ignore[no-untyped-call]
    checked = bounded(dict(schema), registry=Registry())
    try:
        errors = sorted(checked.iter_errors(answer), key=lambda error: error.json_path)
    except _TooMuch:
        return [f"it takes more than {MAX_WORK} steps to compare with its schema"]
    except RecursionError:
        return ["it is nested too deep"]
    return [f"{error.json_path}: {error.message}"[:300] for error in errors]


def _flaws(part: Any, resolver: Any) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _flaws(inner, resolver)
    if not isinstance(part, Mapping):
        return
    yield from (f"the keyword {name} is not taken" for name in _NOT_TAKEN if name in part)
    if isinstance(reference := part.get("$ref"), str):
        yield from _flaws_of_reference(reference, resolver)
    if isinstance(pattern := part.get("pattern"), str):
        yield from _flaws_of_pattern(pattern)
    for inner in part.values():
        yield from _flaws(inner, resolver)


def _resolver(schema: Mapping[str, Any]) -> Any:
    registry: Registry[Any] = Registry().with_resource("", DRAFT202012.create_resource(schema))
    return registry.resolver()


def _flaws_of_reference(reference: str, resolver: Any) -> Iterator[str]:
    if not reference.startswith("#"):
        yield f"$ref {reference[:100]!r} leads out of the schema: expected #/…"
        return
    try:
        resolver.lookup(reference)
    except Unresolvable:
        yield f"$ref {reference[:100]!r} leads nowhere"


def _flaws_of_pattern(pattern: str) -> Iterator[str]:
    try:
        _matching(pattern)
    except BadPattern as wrong:
        said = " ".join(str(wrong).split())
        yield f"the pattern {pattern[:100]!r} cannot be matched in linear time: {said[:200]}"


def _matching(pattern: str) -> TypeAdapter[str]:
    """By pydantic's engine, which tries no way twice."""
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


class _TooMuch(Exception):
    """Comparing went on for too long."""


Keyword = Callable[[Any, Any, Any, Any], Any]


def _bounded() -> dict[str, Keyword]:
    """All keywords, which together may do so much work."""
    left = [MAX_WORK]

    def counted(apply: Keyword) -> Keyword:
        def applied(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            left[0] -= 1 + (len(value) if isinstance(value, list | dict) else 0)
            if left[0] < 0:
                raise _TooMuch
            return apply(validator, value, instance, schema)

        return applied

    own: dict[str, Keyword] = {"pattern": _match, "uniqueItems": _differ}
    return {name: counted(apply) for name, apply in {**Draft202012Validator.VALIDATORS, **own}.items()}


def _match(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, str):
        return
    try:
        _matching(pattern).validate_python(instance)
    except (Mismatch, BadPattern):
        yield ValidationError(f"{instance[:100]!r} does not match {pattern[:100]!r}")


def _differ(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not wanted or not isinstance(instance, list):
        return
    if len({orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in instance}) < len(instance):
        yield ValidationError("it has equal items")
