"""HTTP as the simulator speaks it: h11 on asyncio, so that answers can also be broken in every way."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import h11

MAX_BODY = 8 * 1024 * 1024
_READ = 65_536
_JSON = "application/json"
# Closing with a lingering time of zero sends RST instead of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)

Handler = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request, and the means to answer it: well, badly, or not at all."""

    def __init__(self, connection: "_Connection", request: h11.Request, body: bytes) -> None:
        self._connection = connection
        self.method = request.method.decode()
        self.path = request.target.decode().partition("?")[0]
        self.headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        self.body = body

    async def answer(
        self, status: int, body: bytes, *, content_type: str = _JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        """The whole answer at once."""
        await self._head(status, content_type, {"content-length": str(len(body))} | dict(headers or {}))
        await self.send(body)
        await self.end()

    async def begin(self, status: int, *, content_type: str = _JSON) -> None:
        """The head of an answer that comes in pieces."""
        await self._head(status, content_type, {"transfer-encoding": "chunked", "cache-control": "no-cache"})

    async def send(self, piece: bytes) -> None:
        await self._connection.send(h11.Data(data=piece))

    async def end(self) -> None:
        await self._connection.send(h11.EndOfMessage())

    async def cut(self) -> None:
        """Close in the middle of the answer."""
        await self._connection.close()

    async def reset(self) -> None:
        """Drop the connection the rude way."""
        self._connection.reset()

    async def hang(self) -> None:
        """Say nothing until the client has had enough."""
        await self._connection.until_client_leaves()

    async def _head(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        fields = [("content-type", content_type), *headers.items()]
        await self._connection.send(h11.Response(status_code=status, headers=fields))


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.SERVER)

    async def serve(self, handle: Handler) -> None:
        """Answer one request after the other, until either side closes."""
        while exchange := await self._next():
            await handle(exchange)
            if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
                return
            self._protocol.start_next_cycle()

    async def _next(self) -> Exchange | None:
        request, body = None, bytearray()
        while True:
            event = await self._event()
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    return None
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return Exchange(self, request, bytes(body))
            else:
                return None

    async def _event(self) -> Any:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            if self._protocol.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self._protocol.receive_data(await self._reader.read(_READ))
        return event

    async def send(self, event: Any) -> None:
        data = self._protocol.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def until_client_leaves(self) -> None:
        while await self._reader.read(_READ):
            pass

    def reset(self) -> None:
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def listen(handle: Handler, *, host: str, port: int) -> asyncio.Server:
    """A server that gives every request to `handle`. Port 0 takes a free one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer)
        try:
            await connection.serve(handle)
        except (ConnectionError, h11.ProtocolError):
            return  # the client left, or speaks no HTTP: there is nobody to tell
        finally:
            await connection.close()

    return await asyncio.start_server(serve, host, port, backlog=1024)
