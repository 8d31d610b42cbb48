"""The names that models know tools under.

Providers take at most 64 letters, digits, `_` and `-`, and no dots. Two tools never share a name.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

MAX_MODEL_NAME = 64
_HASH_LENGTHS = range(8, MAX_MODEL_NAME - 1, 4)


def model_names(tool_names: Iterable[str]) -> dict[str, str]:
    """The name for models of each of these tools: with `_` for the dots, and with a hash at its end if it
    would be too long or that of another tool. The same for the same tools, in whatever order."""
    names = sorted(set(tool_names))
    plain = {name: name.replace(".", "_") for name in names}
    shared = Counter(plain.values())
    chosen = {
        name: plain[name] for name in names if shared[plain[name]] == 1 and len(plain[name]) <= MAX_MODEL_NAME
    }
    taken = set(plain.values())
    for name in names:
        if name not in chosen:
            chosen[name] = next(hashed for hashed in _hashed(name, plain[name]) if hashed not in taken)
            taken.add(chosen[name])
    return chosen


def _hashed(name: str, plain: str) -> Iterator[str]:
    digest = hashlib.sha256(name.encode()).hexdigest()
    for length in _HASH_LENGTHS:
        yield f"{plain[: MAX_MODEL_NAME - 1 - length]}_{digest[:length]}"
