"""`/api/fleet`: all workers together; the big red button."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from governance import selectors, worker_control
from governance.api.columns import columns
from governance.api.description import Operation, describe, record
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason, Why
from governance.api.verbs import Verb
from governance.models import Fleet as FleetRow

_TURNED = record("TurnedFleet", status=FleetRow.Status, changed=bool)
_REASON = {"why": {"reason": "the provider answers nonsense"}}


@describe(
    "Workers",
    get=Operation(
        "get_fleet", "Show whether all workers are paused", {200: columns("Fleet", FleetRow, selectors.FLEET)}
    ),
)
class Fleet(Resource):
    """`GET /api/fleet`: active or paused, and who paused it, why and when."""

    def get(self, request: Request) -> HttpResponse:
        return answer(selectors.fleet(actor=self.actor))


class _Turn(Verb):
    """`{"reason": …}`. Says how the fleet stands now, and whether that is new."""

    verb: ClassVar[Any]
    status: ClassVar[str]

    def post(self, request: Request) -> HttpResponse:
        is_turned = self.verb(actor=self.actor, reason=self.read(Reason).reason)
        return answer({"status": self.status, "changed": is_turned})


@describe(
    "Workers",
    post=Operation("pause_fleet", "Pause all workers", {200: _TURNED}, body=Why, examples=_REASON),
)
class Pause(_Turn):
    """`POST /api/fleet/pause`."""

    verb = staticmethod(worker_control.pause_fleet)
    status = "paused"


@describe(
    "Workers",
    post=Operation("resume_fleet", "Let all workers go on", {200: _TURNED}, body=Reason, examples=_REASON),
)
class Resume(_Turn):
    """`POST /api/fleet/resume`."""

    verb = staticmethod(worker_control.resume_fleet)
    status = "active"
    needs_reason = False
