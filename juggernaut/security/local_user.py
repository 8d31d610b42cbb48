"""The nameless user of this machine: in the local profile, requests from here need no token.

Such a user may create and read tasks, see who works on them, and read the metrics. A request counts as one
from this machine if all of this holds; anything else needs credentials:

- the peer's address is loopback, and so is the host name that was asked for, which a page that a name led
  here (DNS rebinding) cannot choose;
- no header speaks of a proxy or of a page in a browser, and no trusted proxy is configured;
- the process that opened the connection serves nobody itself (`juggernaut.security.peers`), as a proxy does
  adds no header.
"""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from governance.access.actors import Actor
from juggernaut.security import peers

# `view_worker` is the diagnosis's, too: while the database is away, nobody else can ask for it.
PERMISSIONS = frozenset(
    {"governance.add_task", "governance.view_task", "governance.view_worker", "monitoring.view_metrics"}
)

# What proxies, tunnels and content networks add.
_OF_PROXIES = frozenset(
    f"HTTP_{name}"
    for name in (
        *(
            "FORWARDED",
            "VIA",
            "X_REAL_IP",
            "X_CLIENT_IP",
            "X_CLUSTER_CLIENT_IP",
            "TRUE_CLIENT_IP",
            "CLIENT_IP",
        ),
        *("X_ORIGINAL_HOST", "X_ORIGINAL_FOR", "X_ORIGINAL_URI", "X_REQUEST_ID", "X_AMZN_TRACE_ID"),
        *("FLY_CLIENT_IP", "FASTLY_CLIENT_IP", "MAX_FORWARDS", "PROXY_CONNECTION", "PROXY_AUTHORIZATION"),
    )
)
_OF_PROXIES_PREFIXES = ("HTTP_X_FORWARDED", "HTTP_CF_", "HTTP_X_ENVOY_", "HTTP_TAILSCALE_")
# Pages in a browser may be anybody's: people sign in instead. An address that was typed has "none".
_TYPED = "none"
# Each request of a connection that is kept open has the same peer.
_doubts: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
NO_CONNECTION = "the web server does not say which connection the request came by"
DOUBTED = "juggernaut.doubt"


class LoopbackUser:
    """The nameless user of this machine."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_username(self) -> str:
        return "loopback"

    def has_perm(self, perm: str) -> bool:
        return perm in PERMISSIONS


class LoopbackAuthentication(BaseAuthentication):
    """The runbook's `curl` without a token. Stands last: a token or a session comes first."""

    def authenticate(self, request: Request) -> tuple[LoopbackUser, Actor] | None:
        if not settings.IS_LOCAL or settings.JUGGERNAUT_TRUSTED_PROXIES or not _looks_local(request):
            return None
        if doubt := _doubt(request.META):
            # For whoever answers that credentials are missing.
            request.META[DOUBTED] = doubt
            return None
        user = LoopbackUser()
        return user, Actor(name=user.get_username(), user=user)


def _looks_local(request: Request) -> bool:
    """Whether peer and host name are loopback, and no header hints at somebody else behind the peer."""
    if "HTTP_AUTHORIZATION" in request.META or _was_passed_on(request) or _is_of_page(request):
        return False
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and (host == "localhost" or _is_loopback(host))


def _was_passed_on(request: Request) -> bool:
    return any(name in _OF_PROXIES or name.startswith(_OF_PROXIES_PREFIXES) for name in request.META)


def _is_of_page(request: Request) -> bool:
    return "HTTP_ORIGIN" in request.META or request.META.get("HTTP_SEC_FETCH_SITE", _TYPED).lower() != _TYPED


def _doubt(environ: Mapping[str, Any]) -> str:
    """Why the process behind the connection is not believed; empty if it is."""
    if "REMOTE_PORT" not in environ:
        return NO_CONNECTION
    connected = environ.get("gunicorn.socket")
    if connected is not None and connected in _doubts:
        return _doubts[connected]
    found = peers.doubt(
        peers.Connection(
            client=(environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])),
            server=(environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        )
    )
    if connected is not None:
        _doubts[connected] = found
    return found


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback
