"""Bodies of answers with a bound: counted as they are received, and again as they are decompressed."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2


class TooLong(httpx2.ReadError):
    """A body has more bytes than are read."""


class Received(httpx2.AsyncByteStream):
    """A body as it comes over the wire. It breaks off after `limit` bytes.

    The bytes of a compressed body count even if nothing comes out of them: a decompressor keeps what follows
    the end of its data.
    """

    def __init__(self, stream: Any, *, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for piece in self._stream:
            left -= len(piece)
            if left < 0:
                raise TooLong(f"its answer has more than {self._limit} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class Decompressed(httpx2.AsyncByteStream):
    """The decompressed body of a response that is not read yet, in pieces of at most 1 MiB. It breaks off
    after `limit` bytes of either form."""

    def __init__(self, response: httpx2.Response, *, limit: int) -> None:
        self._limit = limit
        self._compressed = httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=Received(response.stream, limit=limit),
            request=response.request,
        )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for piece in self._compressed.aiter_bytes():
            left -= len(piece)
            if left < 0:
                raise TooLong(f"its answer has more than {self._limit} bytes after decompression")
            yield piece

    async def aclose(self) -> None:
        await self._compressed.aclose()


def bound(response: httpx2.Response, *, limit: int) -> None:
    """Give the body of this response, which is not read yet, an end. Whoever reads it gets plain bytes.

    Raises `httpx2.DecodingError` for a body that is compressed more than once: between two decompressors it
    could grow without a bound.
    """
    encodings = response.headers.get_list("content-encoding", split_commas=True)
    if sum(encoding.strip().lower() not in {"", "identity"} for encoding in encodings) > 1:
        raise httpx2.DecodingError("its answer is compressed more than once", request=response.request)
    response.stream = Decompressed(response, limit=limit)
    for name in ("content-encoding", "content-length"):
        response.headers.pop(name, None)
