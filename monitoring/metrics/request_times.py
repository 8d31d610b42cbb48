"""Request durations by route and status: counted in each web process, read from all of them.

With `PROMETHEUS_MULTIPROC_DIR` (set for gunicorn, see `juggernaut/web/gunicorn.py`) the processes of one web
server keep their counts in files of their own there, and whichever answers `/metrics` adds them up.
"""

import os
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram, multiprocess

NAME = "juggernaut_http_request_duration_seconds"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_seconds = Histogram(
    NAME,
    "Time until a request was answered.",
    ["method", "route", "status"],
    buckets=BUCKETS,
    registry=None,
)


class RequestTimes:
    """Middleware. A route is the pattern of an address, so that ids make no labels of their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        took = time.perf_counter() - began
        method = request.method if request.method in _METHODS else "other"
        _seconds.labels(method, _route(request), str(response.status_code)).observe(took)
        return response


def register(registry: CollectorRegistry) -> None:
    """Have the registry collect the requests of all processes of this web server."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_seconds)


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is not None:
        return f"/{match.route}"
    return "static" if request.path.startswith(settings.STATIC_URL) else "unmatched"
