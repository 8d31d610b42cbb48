"""Probes ask by whatever address they know, which no list of allowed host names has."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

PROBED = "/health"


class HealthProbes:
    """Answers `/health` and what is below it before anything looks at the host name or the scheme.

    An orchestrator asks a container by its own address, and a host name that nobody allowed is answered
    with 400, so that it would be restarted for ever. The answers are the same for everybody and contain no
    link, so that a forged name has no effect. Stands before all that looks at either.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == PROBED or request.path_info.startswith(f"{PROBED}/"):
            try:
                match = resolve(request.path_info)
            except Resolver404:
                return self._get_response(request)
            request.resolver_match = match
            answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
            return answer
        return self._get_response(request)
