"""`/api/workers`: who works here, and in which processes; pause and resume."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from governance import selectors, worker_control
from governance.api.resource import Resource, answer
from governance.api.verbs import Reason, Verb


class Workers(Resource):
    """`/api/workers`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"workers": selectors.workers(actor=self.actor)})


class _Turn(Verb):
    """`{"reason": …}`. Says how the worker stands now, and whether that is new."""

    verb: ClassVar[Any]

    def post(self, request: Request, name: str) -> HttpResponse:
        turned = self.verb([name], actor=self.actor, reason=self.read(Reason).reason)
        status = {**turned.moved, **turned.skipped}[name]
        return answer({"worker_id": name, "status": status, "changed": bool(turned.moved)})


class Pause(_Turn):
    """`POST /api/workers/{id}/pause`."""

    verb = staticmethod(worker_control.pause)


class Resume(_Turn):
    """`POST /api/workers/{id}/resume`."""

    verb = staticmethod(worker_control.resume)
    needs_reason = False
