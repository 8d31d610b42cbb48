"""JSON schemas of pydantic's models, as components of an OpenAPI document."""

from typing import Any, Literal

from drf_spectacular.drainage import warn
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from pydantic import BaseModel, TypeAdapter

Mode = Literal["validation", "serialization"]
Schema = dict[str, Any]
_REF = "#/components/schemas/"


def schema_of(shape: Any, registry: ComponentRegistry, *, mode: Mode) -> Schema:
    """A reference to the component of this model; what is no model is described in place."""
    schema = described_in_place(shape, registry, mode=mode)
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return schema
    _register(shape.__name__, schema, registry)
    return {"$ref": f"{_REF}{shape.__name__}"}


def described_in_place(shape: Any, registry: ComponentRegistry, *, mode: Mode) -> Schema:
    """The schema of this type. Models inside it become components under their names, so that a client has one
    class of each; plain enumerations stay where they are used, since many share a name."""
    found = TypeAdapter(shape).json_schema(mode=mode, ref_template=f"{_REF}{{model}}")
    definitions: dict[str, Schema] = found.pop("$defs", {})
    enums = {f"{_REF}{name}": one for name, one in definitions.items() if "enum" in one or "const" in one}
    for name, definition in definitions.items():
        if f"{_REF}{name}" not in enums:
            _register(name, _plain(definition, enums), registry)
    schema: Schema = _plain(found, enums)
    return schema


def _plain(schema: Any, enums: dict[str, Schema]) -> Any:
    """The schema with enumerations in place, and without pydantic's titles, which only repeat names."""
    if isinstance(schema, list):
        return [_plain(part, enums) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if (enum := enums.get(schema.get("$ref", ""))) is not None:
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return {"type": enum.get("type", "string"), "enum": enum.get("enum", [enum.get("const")])} | beside
    return {
        name: _plain_each(part, enums) if name == "properties" else _plain(part, enums)
        for name, part in schema.items()
        if not (name == "title" and isinstance(part, str))
    }


def _plain_each(properties: dict[str, Any], enums: dict[str, Schema]) -> dict[str, Any]:
    """A property may be called `title`."""
    return {name: _plain(part, enums) for name, part in properties.items()}


def _register(name: str, schema: Schema, registry: ComponentRegistry) -> None:
    component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema)
    if component in registry and registry[component].schema != schema:
        warn(f"two different models of the API are called {name}: rename one")
    registry.register_on_missing(component)
