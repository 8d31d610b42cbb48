"""An endpoint's declaration as an operation of OpenAPI."""

from typing import Any

from drf_spectacular.drainage import warn
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry
from pydantic import BaseModel

from governance import pagination
from juggernaut.api.openapi import common as frame
from juggernaut.api.openapi.declaration import Description, Header, Operation, PathParameter
from juggernaut.api.openapi.shapes import Schema, described_in_place, schema_of

JSON = "application/json"
# What filters mean that many lists share; the others are explained by their names and kinds.
_FILTERS = {
    "limit": "How many rows a page has.",
    "cursor": "Where the page begins: from `next` of the page before.",
    "created_after": "From this time on (ISO 8601 with a zone).",
    "created_before": "Before this time (ISO 8601 with a zone).",
    "after": "Calls after this time.",
    "until": "Calls up to this time; together with `after`.",
    "hours": "The last so many hours, instead of `after`.",
    "top": "How many of the most expensive tasks are told.",
    "matching": "Text that the error contains, in upper or lower case.",
    "error": "Text that the error message contains, in upper or lower case.",
    "open": "Only groups with letters that are not resolved.",
    "reason": "Why; kept in the audit log.",
}


class Generator(SchemaGenerator):
    """Addresses with the name of what stands in them: `/api/tasks/{task_id}`, not `/api/tasks/{name}`."""

    def coerce_path(self, path: str, method: str, view: Any) -> str:
        described = description_of(view)
        place = described.of if described else None
        return path.replace("{name}", f"{{{place.name}}}") if place else path


class OperationSchema(AutoSchema):
    """Reads the declaration of the view; one that declares nothing is a warning, which fails the build."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        described = description_of(self.view)
        if described is None or method.lower() not in described.operations:
            warn(f"{method} {path} declares no operation: see juggernaut/api/openapi/declaration.py")
            return None
        return _operation(described, described.operations[method.lower()], registry)


def description_of(view: Any) -> Description | None:
    """What the view's own class declares; what it inherits is another endpoint's."""
    found: Description | None = vars(type(view)).get("described")
    return found


def _operation(described: Description, said: Operation, registry: ComponentRegistry) -> Schema:
    operation: Schema = {
        "operationId": said.id,
        "summary": said.summary,
        "tags": [described.tag],
        "parameters": [*_places(described.of), *_filters(said, registry), *map(_header, said.takes)],
        "responses": _answers(said, registry) | _refusals(said, has_place=described.of is not None),
        "security": [{name: []} for name in frame.SECURITY],
    }
    if said.text:
        operation["description"] = said.text
    if said.body is not None:
        operation["requestBody"] = _body(said.body, said, registry)
    return operation


def _places(place: PathParameter | None) -> list[Schema]:
    if place is None:
        return []
    schema = {"type": "string", "minLength": 1} | ({"format": place.format} if place.format else {})
    said = {"name": place.name, "in": "path", "required": True, "description": place.text}
    return [said | {"schema": schema, "example": place.example}]


def _filters(said: Operation, registry: ComponentRegistry) -> list[Schema]:
    shapes = [shape for shape in (said.filters, pagination.Options if said.is_paged else None) if shape]
    return [one for shape in shapes for one in _parameters(shape, registry)]


def _parameters(shape: type[BaseModel], registry: ComponentRegistry) -> list[Schema]:
    schema = described_in_place(shape, registry, mode="validation")
    required = schema.get("required", [])
    return [
        _parameter(name, _without_null(of_field), is_required=name in required)
        for name, of_field in schema["properties"].items()
    ]


def _parameter(name: str, schema: Schema, *, is_required: bool) -> Schema:
    any_of = (
        "Any of these; several by repeating the name, or by commas." if schema.get("type") == "array" else ""
    )
    text = _FILTERS.get(name) or any_of or f"This {name.replace('_', ' ')} only."
    return {"name": name, "in": "query", "required": is_required, "description": text, "schema": schema}


def _without_null(schema: Schema) -> Schema:
    """A query string cannot say null, it leaves the name out; and what may be one or several is a list."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    kinds = [kind for kind in kinds if "anyOf" not in kind] + [
        inner for kind in kinds for inner in kind.get("anyOf", ())
    ]
    rest = {
        name: value
        for name, value in schema.items()
        if name != "anyOf" and (name, value) != ("default", None)
    }
    lists = [kind for kind in kinds if kind.get("type") == "array"]
    return rest | next(iter(lists or kinds), {})


def _header(header: Header) -> Schema:
    schema: Schema = {"type": "string", "minLength": 1}
    if header.max_length:
        schema["maxLength"] = header.max_length
    return {"name": header.name, "in": "header", "description": header.text, "schema": schema}


def _body(shape: type[BaseModel], said: Operation, registry: ComponentRegistry) -> Schema:
    examples = {name: {"value": value} for name, value in said.examples.items()}
    if not examples:
        warn(f"{said.id} has no example of its body")
    is_required = any(field.is_required() for field in shape.model_fields.values())
    content = {"schema": schema_of(shape, registry, mode="validation"), "examples": examples}
    return {"required": is_required, "content": {JSON: content}}


def _answers(said: Operation, registry: ComponentRegistry) -> Schema:
    sent = {header.name: {"description": header.text, "schema": {"type": "string"}} for header in said.sends}
    answers: Schema = {}
    for status, shape in said.answers.items():
        answer: Schema = {"description": said.summary, "headers": frame.limit_headers() | sent}
        if shape is not None:
            schema = schema_of(shape, registry, mode="serialization")
            answer["content"] = {kind: {"schema": schema} for kind in (JSON, *said.also)}
        answers[str(status)] = answer
    return answers


def _refusals(said: Operation, *, has_place: bool) -> Schema:
    return {
        str(status): {"$ref": f"#/components/responses/{frame.refusal_name(status)}"}
        for status in frame.refusals_of(said, has_place=has_place)
    }
