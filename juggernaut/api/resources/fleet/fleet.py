"""`/api/fleet`: all workers together; the big red button."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import Fleet as FleetRow
from governance.tasks import selectors
from governance.workers import services as worker_services
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, record
from juggernaut.api.resource import Resource, answer
from juggernaut.api.resources.tasks.task_actions import TaskAction
from juggernaut.api.schemas import ReasonOptional, ReasonRequired

_TURNED = record("TurnedFleet", status=FleetRow.Status, changed=bool)
_REASON = {"why": {"reason": "the provider answers nonsense"}}


@endpoint(
    "Workers",
    get=Operation(
        "get_fleet", "Show whether all workers are paused", {200: columns("Fleet", FleetRow, selectors.FLEET)}
    ),
)
class Fleet(Resource):
    """`GET /api/fleet`: active or paused, and who paused it, why and when."""

    def get(self, request: Request) -> HttpResponse:
        return answer(selectors.fleet(actor=self.actor))


class _Turn(TaskAction):
    """`{"reason": …}`. Says how the fleet stands now, and whether that is new."""

    verb: ClassVar[Any]
    status: ClassVar[str]

    def post(self, request: Request) -> HttpResponse:
        is_turned = self.verb(actor=self.actor, reason=self.read(ReasonRequired).reason)
        return answer({"status": self.status, "changed": is_turned})


@endpoint(
    "Workers",
    post=Operation("pause_fleet", "Pause all workers", {200: _TURNED}, body=ReasonOptional, examples=_REASON),
)
class Pause(_Turn):
    """`POST /api/fleet/pause`."""

    verb = staticmethod(worker_services.pause_fleet)
    status = "paused"


@endpoint(
    "Workers",
    post=Operation(
        "resume_fleet", "Let all workers go on", {200: _TURNED}, body=ReasonRequired, examples=_REASON
    ),
)
class Resume(_Turn):
    """`POST /api/fleet/resume`."""

    verb = staticmethod(worker_services.resume_fleet)
    status = "active"
    needs_reason = False
