"""A breaker for each host that is called: one that is ill must not stop calls to the others."""

import hashlib

from gateway.http.requests import HttpRead, host_key
from reliability.breakers.models import CircuitBreaker
from workers.tools.registry import Target

# So many hosts have breakers of their own; the rest share some, so that whoever calls a new host a minute
# does not fill the table and every list of breakers.
MAX_HOSTS = 500
SHARED = 16
MAX_NAME = 100

_known: dict[str, str] = {}


def target(asked: HttpRead) -> Target:
    """What this request reaches: the host is the service, and has a breaker."""
    host = host_key(asked.url)
    return Target(service=host[:MAX_NAME], breakers=(breaker_of(host),))


def breaker_of(host: str) -> str:
    """The name of the breaker of this host: the same in every process, as long as its row stands."""
    if host not in _known:
        if len(_known) >= 2 * MAX_HOSTS:
            _known.clear()
        _known[host] = _choose(host)
    return _known[host]


def forget() -> None:
    """Look the names up again, as after rows were deleted."""
    _known.clear()


def _choose(host: str) -> str:
    own = f"http:{host}"
    if len(own) > MAX_NAME:
        return _shared(host)
    rows = CircuitBreaker.objects.filter(name__startswith="http:")
    if rows.filter(name=own).exists() or rows.count() < MAX_HOSTS:
        return own
    return _shared(host)


def _shared(host: str) -> str:
    return f"http:shared-{hashlib.sha256(host.encode()).digest()[0] % SHARED}"
