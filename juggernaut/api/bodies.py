"""Request bodies: refused by size and coding before they are parsed, then read as strict JSON."""

from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.request import Request

from governance.db import strict_json
from governance.errors import FieldError, InvalidInput

_CHUNK_BYTES = 64 * 1024
# The codings of a body that change nothing of it, by the header that names them.
_PLAIN = {"Content-Encoding": {"", "identity"}, "Transfer-Encoding": {"", "chunked"}}


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
    _refuse_coded(request)
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


def _refuse_coded(request: Request) -> None:
    """Raise `UnsupportedMediaType` for a body that is compressed, or said to be: nothing here unpacks it."""
    for header, plain in _PLAIN.items():
        coding = request.headers.get(header, "").strip()
        if coding.lower() not in plain:
            said = f"{header}: {coding[:100]} is not supported; send the JSON as it is"
            raise UnsupportedMediaType(coding, said)


def _read(request: Request, limit: int) -> bytes:
    declared = _declared_bytes(request)
    if declared > limit:
        raise _too_large(limit)
    raw = bytearray()
    stream = _stream(request)
    while chunk := _next_chunk(stream):
        raw += chunk
        if len(raw) > limit:
            raise _too_large(limit)
    if len(raw) < declared:
        raise _broken(f"it ended after {len(raw)} of {declared} bytes")
    return bytes(raw)


def _next_chunk(stream: Any) -> bytes:
    """What comes next. Each server has errors of its own for a client that went away or counts wrongly, so
    any error of this one call is the sender's."""
    try:
        chunk: bytes = stream.read(_CHUNK_BYTES)
    except Exception as broken:
        raise _broken(str(broken)[:200] or type(broken).__name__) from broken
    return chunk


def _broken(why: str) -> InvalidInput:
    return InvalidInput([FieldError("body", f"it could not be read to its end: {why}")])


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
