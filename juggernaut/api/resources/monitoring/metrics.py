"""`GET /metrics` for Prometheus: with a viewer's token, or from this machine in the local profile."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from juggernaut.api.resource import Resource
from monitoring.metrics import exposition

PERMISSION = "monitoring.view_metrics"


class Metrics(Resource):
    """Always answers 200 to whoever may ask, whatever is down.

    Who asks is looked up in the database; while that is away nobody can be recognised, and everybody is told
    just that it is, as `/health` tells everybody.
    """

    schema = None  # Prometheus's own format, which has a description of its own

    def initial(self, request: Request, *arguments: Any, **named: Any) -> None:
        self.found = exposition.look()
        if self.found.answers is not None:
            super().initial(request, *arguments, **named)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Prometheus asks for formats of its own, between which the exposition chooses."""
        return super().perform_content_negotiation(request, force=True)

    def get(self, request: Request) -> HttpResponse:
        accept = request.META.get("HTTP_ACCEPT", "")
        if self.found.answers is None:
            body, content_type = exposition.write_outage(self.found, accept=accept)
        else:
            self.actor.require(PERMISSION)
            body, content_type = exposition.write(self.found, accept=accept)
        return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})
