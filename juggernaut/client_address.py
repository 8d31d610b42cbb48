"""Where a request comes from, also behind proxies that the operator says are there."""

from ipaddress import ip_address
from typing import Any

from django.conf import settings


def of(request: Any) -> str:
    """The peer's address; behind `JUGGERNAUT_PROXIES` proxies, what the outermost of them saw.

    Each proxy appends the address of who asked it to `X-Forwarded-For`. So what a client writes there
    itself stands further left than what the trusted ones wrote, and is not believed.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    chain = [*told, peer] if settings.JUGGERNAUT_PROXIES else [peer]
    address = chain[-settings.JUGGERNAUT_PROXIES - 1 :][0]
    return address if _is_address(address) else peer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
