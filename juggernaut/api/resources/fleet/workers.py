"""`/api/workers`: who works here, and in which processes; pause and resume."""

from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance.models import Worker, WorkerProcess
from governance.tasks import selectors
from governance.workers import services as worker_services
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.path_parameters import WORKER_ID
from juggernaut.api.resource import Resource, answer
from juggernaut.api.resources.tasks.task_actions import TaskAction
from juggernaut.api.schemas import ReasonOptional, ReasonRequired

_PROCESS = columns("WorkerProcess", WorkerProcess, selectors.PROCESS)
_WORKER = columns("Worker", Worker, selectors.WORKER, processes=many(_PROCESS))
_TURNED = record("TurnedWorker", worker_id=str, status=Worker.Status, changed=bool)
_REASON = {"why": {"reason": "it answers nonsense"}}


@endpoint(
    "Workers",
    get=Operation(
        "list_workers", "List workers and their processes", {200: record("Workers", workers=many(_WORKER))}
    ),
)
class Workers(Resource):
    """`/api/workers`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"workers": selectors.workers(actor=self.actor)})


class WorkerRequest(ReasonRequired):
    """How many of its tasks one process runs at a time."""

    max_concurrency: Annotated[int, Field(strict=True, ge=1, le=worker_services.MOST_AT_A_TIME)]


@endpoint(
    "Workers",
    of=WORKER_ID,
    get=Operation("get_worker", "Show a worker and its processes", {200: _WORKER}),
    patch=Operation(
        "set_worker",
        "Say how many tasks it runs at a time",
        {200: _WORKER},
        body=WorkerRequest,
        examples={"fewer": {"max_concurrency": 20, "reason": "the provider is slow"}},
    ),
)
class WorkerDetail(Resource):
    """`/api/workers/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(selectors.worker(name, actor=self.actor))

    def patch(self, request: Request, name: str) -> HttpResponse:
        worker_services.set_concurrency(
            name, actor=self.actor, **shapes.read(request, WorkerRequest).model_dump()
        )
        return self.get(request, name)


class _Turn(TaskAction):
    """`{"reason": …}`. Says how the worker stands now, and whether that is new."""

    verb: ClassVar[Any]

    def post(self, request: Request, name: str) -> HttpResponse:
        turned = self.verb([name], actor=self.actor, reason=self.read(ReasonRequired).reason)
        status = {**turned.moved, **turned.skipped}[name]
        return answer({"worker_id": name, "status": status, "changed": bool(turned.moved)})


@endpoint(
    "Workers",
    of=WORKER_ID,
    post=Operation(
        "pause_worker",
        "Let a worker take no more tasks",
        {200: _TURNED},
        body=ReasonOptional,
        examples=_REASON,
    ),
)
class Pause(_Turn):
    """`POST /api/workers/{id}/pause`."""

    verb = staticmethod(worker_services.pause)


@endpoint(
    "Workers",
    of=WORKER_ID,
    post=Operation(
        "resume_worker",
        "Let a worker take tasks again",
        {200: _TURNED},
        body=ReasonRequired,
        examples=_REASON,
    ),
)
class Resume(_Turn):
    """`POST /api/workers/{id}/resume`."""

    verb = staticmethod(worker_services.resume)
    needs_reason = False
