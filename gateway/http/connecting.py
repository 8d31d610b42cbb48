"""Connections that lead where they were checked to lead: resolved once, and connected to that address."""

import functools
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

from gateway.http import addresses
from gateway.http.addresses import Blocked

MAX_ADDRESSES = 4


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves a name once and connects to the very address that was checked, so that a name which
    answers differently a second time (DNS rebinding) gains nothing; then looks who is at the other end."""

    def __init__(self) -> None:
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            found = await addresses.resolve(host, port)
        except (OSError, UnicodeError) as failed:
            raise httpcore2.ConnectError(f"{host} cannot be resolved: {failed}") from failed
        stream, address = await self._reach(found, port, timeout)
        try:
            _verify(stream, host, port, address)
        except Blocked:
            await stream.aclose()
            raise
        return stream

    async def _reach(
        self, found: list[str], port: int, timeout: float | None
    ) -> tuple[httpcore2.AsyncNetworkStream, str]:
        """The first of these addresses that answers: one of two families may lead nowhere."""
        for address in found[: MAX_ADDRESSES - 1]:
            try:
                return await self._network.connect_tcp(address, port, timeout=timeout), address
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if address == found[-1]:
                    raise
        return await self._network.connect_tcp(found[-1], port, timeout=timeout), found[-1]

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise Blocked("sockets of this machine are not allowed")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


def _verify(stream: httpcore2.AsyncNetworkStream, host: str, port: int, address: str) -> None:
    peer = stream.get_extra_info("server_addr")
    at = str(peer[0]) if peer else ""
    if at != address:
        raise Blocked(f"{host} was to be reached at {address}, but {at or 'nobody known'} answered")
    if not addresses.is_listed(host, port):
        addresses.refuse_private(host, at)


class CheckedTransport(httpx2.AsyncHTTPTransport):
    """One connection at a time, by `CheckedBackend`, never through a proxy of the environment."""

    def __init__(self) -> None:
        super().__init__(verify=_trusted(), trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trusted(), max_connections=1, network_backend=CheckedBackend()
        )


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than most requests."""
    return httpx2.create_ssl_context()
