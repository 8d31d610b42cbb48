"""Where a request comes from, also behind proxies that the operator says are there."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings


def of(request: Any) -> str:
    """The peer's address; behind `JUGGERNAUT_TRUSTED_PROXIES` proxies, what the outermost of them saw.

    Each proxy appends the address of who asked it to `X-Forwarded-For`. So what a client writes there
    itself stands further left than what the trusted ones wrote, and is not believed.
    """
    return of_environ(request.META, proxies=settings.JUGGERNAUT_TRUSTED_PROXIES)


def of_environ(environ: Mapping[str, Any], *, proxies: int) -> str:
    """The same from a WSGI environment, behind so many proxies."""
    peer = str(environ.get("REMOTE_ADDR", ""))
    told = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    chain = [*told, peer] if proxies else [peer]
    address = chain[-proxies - 1 :][0]
    return address if _is_address(address) else peer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
