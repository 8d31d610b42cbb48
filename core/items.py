"""A list of dead letters that may be longer than memory is wide."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload
from uuid import UUID

Item = dict[str, Any]

_ID_BYTES = 16
_PAGE = 500


class Items(Sequence[Item]):
    """Dead letters as dicts, oldest first: which ones is fixed when asked, what they say is read in pages.

    It holds 16 bytes for each letter, and the rows of one page while somebody walks through it. A dict
    tells how its letter stands when its page is read; a letter that was deleted since is left out.
    """

    def __init__(self, ids: bytes, load: Callable[[list[UUID]], list[Item]]) -> None:
        self._ids = ids
        self._load = load

    def __len__(self) -> int:
        return len(self._ids) // _ID_BYTES

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, len(self), _PAGE):
            yield from self._load([self._id(n) for n in range(start, min(start + _PAGE, len(self)))])

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> "Items": ...

    def __getitem__(self, index: int | slice) -> "Item | Items":
        if isinstance(index, slice):
            chosen = range(len(self))[index]
            return Items(b"".join(self._id(n).bytes for n in chosen), self._load)
        found = self._load([self._id(range(len(self))[index])])
        if not found:
            raise LookupError("this dead letter was deleted since the list was made")
        return found[0]

    def __repr__(self) -> str:
        return f"<{len(self)} dead letters>"

    def _id(self, n: int) -> UUID:
        return UUID(bytes=self._ids[n * _ID_BYTES : (n + 1) * _ID_BYTES])
