"""Who asks from this very machine, without a token: in the local profile, may create and read tasks, and
see who works on them, and read the metrics.
"""

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from governance.actors import Actor

# `view_worker` is the diagnosis's, too: while the database is away, nobody else can ask for it.
PERMISSIONS = frozenset(
    {"governance.add_task", "governance.view_task", "governance.view_worker", "monitoring.view_metrics"}
)

# A request that carries one of these came through a proxy, so its peer address is the proxy's; one
# with an Origin came from a page in a browser, which may be anybody's: people sign in instead.
_PASSED_ON = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP", "HTTP_ORIGIN")
_PASSED_ON_PREFIX = "HTTP_X_FORWARDED"


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
        if not settings.IS_LOCAL or not is_from_this_machine(request):
            return None
        user = LoopbackUser()
        return user, Actor(name=user.get_username(), user=user)


def is_from_this_machine(request: Request) -> bool:
    """Whether peer and host name are loopback, and nothing hints at somebody else behind the peer."""
    if "HTTP_AUTHORIZATION" in request.META or _was_passed_on(request):
        return False
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and (host == "localhost" or _is_loopback(host))


def _was_passed_on(request: Request) -> bool:
    return any(name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIX) for name in request.META)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback
