"""A value of the shape that a JSON schema describes: the simplest one, always the same."""

from collections.abc import Callable
from typing import Any

_DEEPEST = 12


def example(schema: dict[str, Any], *, salt: int = 0) -> Any:
    """An instance of the schema. `salt` makes texts and numbers differ that are free to. References are
    followed within the schema; what cannot be known (patterns) is not attempted."""
    return _value(schema, schema, salt, 0)


def _value(schema: Any, root: dict[str, Any], salt: int, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    schema = _chosen(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][salt % len(schema["enum"])]
    make = _MAKERS.get(_type(schema))
    return make(schema, root, salt, depth) if make else None


def _chosen(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, behind its references and choices; all parts of `allOf` as one."""
    for _ in range(_DEEPEST):
        if "$ref" in schema:
            schema = _referred(schema["$ref"], root)
        elif choices := schema.get("anyOf") or schema.get("oneOf"):
            schema = choices[0]
        elif parts := schema.get("allOf"):
            schema = {name: value for part in parts for name, value in _chosen(part, root).items()}
        else:
            break
    return schema


def _referred(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    found: Any = root
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name, {})
    return found if isinstance(found, dict) else {}


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    return kind or ("object" if "properties" in schema else "string")


def _object(schema: dict[str, Any], root: dict[str, Any], salt: int, depth: int) -> dict[str, Any]:
    required = schema.get("required") or []
    return {
        name: _value(part, root, salt, depth + 1)
        for name, part in (schema.get("properties") or {}).items()
        if name in required
    }


def _array(schema: dict[str, Any], root: dict[str, Any], salt: int, depth: int) -> list[Any]:
    return [
        _value(schema.get("items") or {}, root, salt + nth, depth + 1)
        for nth in range(schema.get("minItems") or 1)
    ]


def _string(schema: dict[str, Any], root: dict[str, Any], salt: int, depth: int) -> str:
    if schema.get("format") == "uri":
        return f"https://example.com/{salt}"
    text = f"{schema.get('title') or 'text'} {salt}"
    return text.ljust(schema.get("minLength") or 0, ".")[: schema.get("maxLength")]


def _integer(schema: dict[str, Any], root: dict[str, Any], salt: int, depth: int) -> int:
    return int(_number(schema, root, salt, depth))


def _number(schema: dict[str, Any], root: dict[str, Any], salt: int, depth: int) -> float:
    least, most = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        least = schema["exclusiveMinimum"] + 1
    value = float(least if least is not None else salt)
    return min(value, most) if most is not None else value


_MAKERS: dict[str, Callable[[dict[str, Any], dict[str, Any], int, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda schema, root, salt, depth: salt % 2 == 0,
    "null": lambda schema, root, salt, depth: None,
}
