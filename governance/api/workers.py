"""`/api/workers`: who works here, and in which processes; pause and resume."""

from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance import selectors, worker_control
from governance.api import shapes
from governance.api.columns import columns
from governance.api.description import Operation, describe, many, record
from governance.api.places import WORKER_ID
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason, Why
from governance.api.verbs import Verb
from governance.models import Worker, WorkerProcess

_PROCESS = columns("WorkerProcess", WorkerProcess, selectors.PROCESS)
_WORKER = columns("Worker", Worker, selectors.WORKER, processes=many(_PROCESS))
_TURNED = record("TurnedWorker", worker_id=str, status=Worker.Status, changed=bool)
_REASON = {"why": {"reason": "it answers nonsense"}}


@describe(
    "Workers",
    get=Operation(
        "list_workers", "List workers and their processes", {200: record("Workers", workers=many(_WORKER))}
    ),
)
class Workers(Resource):
    """`/api/workers`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"workers": selectors.workers(actor=self.actor)})


class WorkerSaid(Reason):
    """How many of its tasks one process runs at a time."""

    max_concurrency: Annotated[int, Field(strict=True, ge=1, le=worker_control.MOST_AT_A_TIME)]


@describe(
    "Workers",
    of=WORKER_ID,
    get=Operation("get_worker", "Show a worker and its processes", {200: _WORKER}),
    patch=Operation(
        "set_worker",
        "Say how many tasks it runs at a time",
        {200: _WORKER},
        body=WorkerSaid,
        examples={"fewer": {"max_concurrency": 20, "reason": "the provider is slow"}},
    ),
)
class WorkerDetail(Resource):
    """`/api/workers/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(selectors.worker(name, actor=self.actor))

    def patch(self, request: Request, name: str) -> HttpResponse:
        worker_control.set_concurrency(
            name, actor=self.actor, **shapes.read(request, WorkerSaid).model_dump()
        )
        return self.get(request, name)


class _Turn(Verb):
    """`{"reason": …}`. Says how the worker stands now, and whether that is new."""

    verb: ClassVar[Any]

    def post(self, request: Request, name: str) -> HttpResponse:
        turned = self.verb([name], actor=self.actor, reason=self.read(Reason).reason)
        status = {**turned.moved, **turned.skipped}[name]
        return answer({"worker_id": name, "status": status, "changed": bool(turned.moved)})


@describe(
    "Workers",
    of=WORKER_ID,
    post=Operation(
        "pause_worker", "Let a worker take no more tasks", {200: _TURNED}, body=Why, examples=_REASON
    ),
)
class Pause(_Turn):
    """`POST /api/workers/{id}/pause`."""

    verb = staticmethod(worker_control.pause)


@describe(
    "Workers",
    of=WORKER_ID,
    post=Operation(
        "resume_worker", "Let a worker take tasks again", {200: _TURNED}, body=Reason, examples=_REASON
    ),
)
class Resume(_Turn):
    """`POST /api/workers/{id}/resume`."""

    verb = staticmethod(worker_control.resume)
    needs_reason = False
