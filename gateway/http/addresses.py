"""Which addresses a tool may connect to: public ones, and private ones that the operator has listed."""

import asyncio
import ipaddress
import socket

from django.conf import settings

from reliability.failures import PermanentFailure

PORTS = frozenset({80, 443, 8080, 8443})
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses that are in the global range, but carry others inside them, lead to a translator, or were set
# aside (for documentation) after this Python was made.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "2001::/32",
            "2002::/16",
            "192.88.99.0/24",
            "3fff::/20",
        ),
    )
)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class Blocked(PermanentFailure):
    """The address is none that a tool may reach. Nothing was sent to it."""


def is_public(address: Address) -> bool:
    """Whether this is an address of the public Internet, and of one machine."""
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in _GLOBAL_UNICAST or address.scope_id is not None
    ):
        return False
    if any(address.version == special.version and address in special for special in _SPECIAL):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_private
    )


def is_listed(host: str, port: int) -> bool:
    """Whether the operator has listed this host (`JUGGERNAUT_HTTP_PRIVATE_HOSTS`: `host`, or `host:port`)."""
    listed = settings.JUGGERNAUT_HTTP_PRIVATE_HOSTS
    named = f"[{host}]" if ":" in host else host
    return f"{named}:{port}" in listed or (named in listed and port in PORTS)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of this host, numeric, all of which may be reached.

    Raises `Blocked` if one of them may not: a name with public and private addresses is a trap.
    Raises `OSError` if the name cannot be resolved.
    """
    if is_listed(host, port):
        return await _look_up(host, port)
    if port not in PORTS:
        allowed = ", ".join(map(str, sorted(PORTS)))
        raise Blocked(f"port {port} of {host} is not allowed; expected one of: {allowed}")
    found = await _look_up(host, port)
    for text in found:
        refuse_private(host, text)
    return found


def refuse_private(host: str, text: str) -> None:
    """Raise `Blocked` unless `text`, an address of `host`, is public."""
    try:
        public = is_public(ipaddress.ip_address(text))
    except ValueError:
        public = False
    if not public:
        raise Blocked(
            f"{host} is at {text}, which is no public address; an operator can allow it with"
            " JUGGERNAUT_HTTP_PRIVATE_HOSTS"
        )


async def _look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not found:
        raise OSError(f"{host} has no address")
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
