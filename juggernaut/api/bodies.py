"""Request bodies: refused by size before they are parsed, then read as strict JSON."""

from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.request import Request

from governance.db import strict_json
from governance.errors import FieldError, InvalidInput

_CHUNK_BYTES = 64 * 1024


class BodyTooLarge(APIException):
    """The body is over the limit; nothing of it was parsed."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"


class TooManyTasks(APIException):
    """More tasks than one request may carry."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_many_tasks"


def read_object(request: Request, *, limit: int) -> dict[str, Any]:
    """The JSON object in the body, of at most `limit` bytes.

    Raises `BodyTooLarge`, `UnsupportedMediaType`, or `InvalidInput` about the field `body`.
    """
    raw = _read(request, limit)
    if (request.content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(request.content_type or "", "expected Content-Type: application/json")
    value = strict_json.loads(raw)
    if not isinstance(value, dict):
        raise InvalidInput([FieldError("body", "a JSON object is expected")])
    return value


def is_empty(request: Request) -> bool:
    """Whether the request has no body at all.

    `wsgi.input_terminated` says nothing of that: gunicorn sets it on every request.
    """
    return not _declared_bytes(request) and "HTTP_TRANSFER_ENCODING" not in request.META


def _read(request: Request, limit: int) -> bytes:
    if _declared_bytes(request) > limit:
        raise _too_large(limit)
    raw = bytearray()
    stream = _stream(request)
    while chunk := stream.read(_CHUNK_BYTES):
        raw += chunk
        if len(raw) > limit:
            raise _too_large(limit)
    return bytes(raw)


def _stream(request: Request) -> Any:
    """Django reads no further than Content-Length says, and a chunked body has none: its end is known
    to the server, which says so with `wsgi.input_terminated`."""
    return request.META["wsgi.input"] if _is_chunked(request) else request


def _is_chunked(request: Request) -> bool:
    return not request.META.get("CONTENT_LENGTH") and bool(request.META.get("wsgi.input_terminated"))


def _declared_bytes(request: Request) -> int:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes")
