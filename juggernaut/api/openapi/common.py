"""Parts of the OpenAPI document that all endpoints share: security, limits, problem responses."""

from http import HTTPStatus
from typing import Any, Literal

from drf_spectacular.plumbing import ComponentRegistry
from pydantic import BaseModel, ConfigDict

from juggernaut.api.openapi.declaration import Operation
from juggernaut.api.openapi.shapes import Schema, schema_of

PROBLEM_TYPE = "application/problem+json"
# Why a request was refused, as a reader of the description wants to know it.
REFUSALS: dict[int, str] = {
    400: "A field, a filter, a header or the JSON is wrong; nothing was changed. `errors` names each.",
    401: "No valid token, session or loopback address.",
    403: "The permission named in `permission` is missing.",
    404: "There is no such thing.",
    406: "The answer is JSON, and `Accept` excludes that.",
    409: "Its state, named in `found`, does not allow it.",
    413: "The body, or what it lists, is too large.",
    414: "The address is too long.",
    415: "The body is not `application/json`.",
    422: "The idempotency key belongs to a different task.",
    429: "Too many requests; try again after `Retry-After` seconds.",
    431: "The headers are too large.",
    500: "A fault of the server; its log has it.",
    503: "The database is away; try again after `Retry-After` seconds.",
}
# The web server itself refuses these, before anything is read: it answers in HTML.
_BY_SERVER = (414, 431)
_ALWAYS = (401, 403, 406, 429, 500, 503, *_BY_SERVER)
_WITH_BODY = (400, 413, 415)
_TEXT: Schema = {"type": "string"}
HEADERS: dict[str, Schema] = {
    "RateLimit-Policy": {
        "description": "The limits that count this request: `q` requests in any `w` seconds (IETF draft "
        "draft-ietf-httpapi-ratelimit-headers).",
        "schema": _TEXT,
        "example": '"client";q=6000;w=60',
    },
    "RateLimit": {
        "description": "What is left of it: `r` requests now, all of them again in `t` seconds.",
        "schema": _TEXT,
        "example": '"client";r=5999;t=60',
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": _TEXT},
}
SECURITY: dict[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer", "description": "`manage.py create_token NAME` makes one."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The console's. What changes something needs the header `X-CSRFToken` besides.",
    },
}


class FieldProblem(BaseModel):
    """One thing that is wrong; `index` is the number of the task in a bulk request."""

    model_config = ConfigDict(extra="forbid")

    field: str
    message: str
    index: int | None = None


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None
    found: str | None = None
    permission: str | None = None


def refusals_of(operation: Operation, *, has_place: bool) -> list[int]:
    """The statuses of all problem documents that this operation may answer with."""
    asks = operation.filters is not None or operation.is_paged or operation.takes
    own = [
        *_ALWAYS,
        *(_WITH_BODY if operation.body else ()),
        *((400,) if asks else ()),
        *((404,) if has_place else ()),
        *operation.refuses,
    ]
    return sorted(set(own))


def refusal_name(status: int) -> str:
    """Its name among the components: `NotFound`."""
    return "".join(word.capitalize() for word in HTTPStatus(status).phrase.replace("-", " ").split())


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Put the common parts into the document (drf-spectacular's hook)."""
    registry: ComponentRegistry = generator.registry
    problem = schema_of(Problem, registry, mode="validation")
    components = result["components"] = registry.build({})
    components["responses"] = {refusal_name(status): _refusal(status, problem) for status in REFUSALS}
    components["headers"] = HEADERS
    components["securitySchemes"] = SECURITY
    return result


def limit_headers() -> dict[str, Schema]:
    return {name: header_ref(name) for name in ("RateLimit-Policy", "RateLimit")}


def header_ref(name: str) -> Schema:
    return {"$ref": f"#/components/headers/{name}"}


def _refusal(status: int, problem: Schema) -> Schema:
    if status in _BY_SERVER:
        return {"description": REFUSALS[status], "content": {"text/html": {"schema": _TEXT}}}
    headers = limit_headers() if status not in {401, 503} else {}
    if status in {429, 503}:
        headers["Retry-After"] = header_ref("Retry-After")
    if status == 401:
        headers["WWW-Authenticate"] = header_ref("WWW-Authenticate")
    return {
        "description": REFUSALS[status],
        "headers": headers,
        "content": {PROBLEM_TYPE: {"schema": problem, "example": _example(status)}},
    }


def _example(status: int) -> dict[str, Any]:
    facts: dict[int, dict[str, Any]] = {
        400: {"errors": [{"field": "payload.metric_value", "message": "Field required"}]},
        403: {"permission": "governance.terminate_task"},
        409: {"found": "completed"},
    }
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": REFUSALS[status]}
    return document | facts.get(status, {})
