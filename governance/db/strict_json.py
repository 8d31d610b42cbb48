"""JSON from outside, read strictly: what could be read two ways, or could not be stored, is refused."""

import json
import math
import re
from itertools import chain
from typing import Any, NoReturn

import orjson

from governance.errors import InvalidJson

MAX_DEPTH = 100
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def loads(raw: bytes) -> Any:
    """The value in `raw`; raises `InvalidJson`, which says what is wrong and where.

    Stricter than `json.loads`: UTF-8 only, no duplicate keys, no NaN or Infinity, no number that a
    64-bit integer or a double cannot hold, no half of a surrogate pair.
    """
    try:
        text = raw.decode()
        value = _decoder.decode(text)
    except UnicodeDecodeError as wrong:
        raise InvalidJson(f"not UTF-8: {wrong.reason} at byte {wrong.start}") from None
    except json.JSONDecodeError as wrong:
        raise InvalidJson(f"{wrong.msg} at line {wrong.lineno}, column {wrong.colno}") from None
    except RecursionError:
        raise InvalidJson(f"nested more than {MAX_DEPTH} levels deep") from None
    if "\\ud" in text or "\\uD" in text:
        _refuse_surrogates(value)
    return value


def dumps(value: Any) -> str:
    """JSON text of a value that PostgreSQL gave us: numbers of any size, no NaN."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def is_too_deep(value: Any, *, text: str) -> bool:
    """Whether a value is nested more than `MAX_DEPTH` levels deep; `text` is its JSON, which tells most."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = chain.from_iterable(v.values() if isinstance(v, dict) else v for v in level)
        level = [v for v in inner if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def fitting(digits: str) -> int | float | str:
    """An integer as something that JSON writers take: beyond 64 bits a float, beyond a double its digits."""
    if len(digits) <= 20 and _SMALLEST <= int(digits) <= _LARGEST:
        return int(digits)
    number = float(digits)
    return number if math.isfinite(number) else _short(digits)


def find_error(value: Any) -> str | None:
    """Why this JSON value cannot be stored in PostgreSQL as it is, or None."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = list(chain.from_iterable(v.values() if isinstance(v, dict) else v for v in level))
        if any(isinstance(v, float) and not math.isfinite(v) for v in inner):
            return "numbers must be finite"
        level = [v for v in inner if isinstance(v, dict | list)]
        if not level:
            return _flaw_of_text(value)
    return f"it is nested more than {MAX_DEPTH} levels deep"


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which is no UTF-8."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def storable(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL cannot store: U+0000 and halves of surrogate pairs."""
    return without_surrogates(text).replace("\x00", "\N{REPLACEMENT CHARACTER}")


_SURROGATE = re.compile(r"[\ud800-\udfff]")


def find_error_in_text(text: str) -> str | None:
    """Why PostgreSQL cannot store this text, or None."""
    if "\x00" in text:
        return "it contains the character U+0000"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it contains half of a surrogate pair"
    return None


def _flaw_of_text(value: Any) -> str | None:
    try:
        encoded = orjson.dumps(value)
    except TypeError as refused:
        return str(refused)
    # An escaped backslash before `u0000` looks alike: only then is every text looked at.
    if b"\\u0000" in encoded and any("\x00" in text for text in _texts(value)):
        return "it contains the character U+0000"
    return None


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [*value, *chain.from_iterable(map(_texts, value.values()))]
    return list(chain.from_iterable(map(_texts, value))) if isinstance(value, list) else []


def _refuse_surrogates(value: Any) -> None:
    try:
        orjson.dumps(value)
    except TypeError as refused:
        raise InvalidJson(str(refused)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidJson(f"the key {twice!r} stands twice in one object")
    return found


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else _LARGEST + 1
    if not _SMALLEST <= number <= _LARGEST:
        raise InvalidJson(f"the integer {_short(digits)} does not fit into 64 bits")
    return number


def _real(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidJson(f"the number {_short(digits)} is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON")


def _short(digits: str) -> str:
    return digits if len(digits) <= 30 else f"{digits[:27]}…"


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant
)
