"""`/api/fleet`: all workers together; the big red button."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from governance import selectors, worker_control
from governance.api.resource import Resource, answer
from governance.api.verbs import Reason, Verb


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


class Pause(_Turn):
    """`POST /api/fleet/pause`."""

    verb = staticmethod(worker_control.pause_fleet)
    status = "paused"


class Resume(_Turn):
    """`POST /api/fleet/resume`."""

    verb = staticmethod(worker_control.resume_fleet)
    status = "active"
    needs_reason = False
