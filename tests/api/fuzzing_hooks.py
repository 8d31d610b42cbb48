"""For schemathesis: half of the addresses name something that there is, or nothing would ever be found."""

import json
import os
import zlib
from typing import Any

import schemathesis

_PLACES: dict[str, list[str]] = json.loads(os.environ["FUZZING_PLACES"])


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    return path_parameters and {name: _known(name, value) for name, value in path_parameters.items()}


def _known(name: str, value: Any) -> Any:
    """The same for the same value, whatever the process."""
    number = zlib.crc32(str(value).encode(errors="replace"))
    known = _PLACES.get(name)
    return known[number // 2 % len(known)] if known and number % 2 else value
