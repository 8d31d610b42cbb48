"""The body of a provider's answer: bounded in size, depth and number of values before it is parsed."""

import json
from itertools import accumulate
from typing import Any

import orjson

from governance.db import strict_json

# No answer of a model comes near these; a provider that is broken must not fill this process.
MAX_BYTES = 8 * 1024 * 1024
MAX_VALUES = 100_000
MAX_DEPTH = strict_json.MAX_DEPTH

_ESCAPED_BACKSLASH, _ESCAPED_QUOTE = b"\\\\", b'\\"'
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
# Longer integers are read as floats, as orjson does: only these can be written as JSON again.
_LONGEST_INTEGER = 18


def parse(raw: bytes) -> Any:
    """The JSON value in this body. None if it is beyond the bounds, or no JSON.

    What a strict parser refuses as a whole is read where its meaning is clear: halves of surrogate pairs and
    bytes that are no UTF-8 become U+FFFD; numbers that fit no float, and NaN, become null.
    """
    if find_error(raw):
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _parse_leniently(raw)


def find_error(raw: bytes) -> str | None:
    """Why this body is not parsed, or None. Linear in its length; nothing is built from it."""
    if len(raw) > MAX_BYTES:
        return f"more than {MAX_BYTES} bytes"
    bare = raw.replace(_ESCAPED_BACKSLASH, b"").replace(_ESCAPED_QUOTE, b"")
    if bare.count(b'"') > 4 * MAX_VALUES:  # a name and a text each have two
        return _TOO_MANY
    outside = b"".join(bare.split(b'"')[::2])
    if outside.count(b",") + outside.count(b"[") + outside.count(b"{") > MAX_VALUES:
        return _TOO_MANY
    brackets = outside.translate(None, delete=_NO_BRACKET)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH:
        return f"JSON that is nested more than {MAX_DEPTH} levels deep"
    return None


_TOO_MANY = f"JSON of more than {MAX_VALUES} values"


def _parse_leniently(raw: bytes) -> Any:
    text = raw.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    try:
        value = json.loads(
            text, strict=False, parse_int=_integer, parse_float=_real, parse_constant=lambda name: None
        )
    except json.JSONDecodeError:
        return None
    return _without_surrogates(value)


def _integer(digits: str) -> int | float | None:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else _real(digits)


def _real(digits: str) -> float | None:
    number = float(digits)
    return None if number in (float("inf"), float("-inf")) else number


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return strict_json.without_surrogates(value)
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(inner) for name, inner in value.items()}
    return [_without_surrogates(inner) for inner in value] if isinstance(value, list) else value
