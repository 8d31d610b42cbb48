"""`POST /api/tasks/{id}/cancel`, `…/terminate`, `…/retry`, and the same for many tasks at once."""

from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from pydantic import Field, ValidationError
from rest_framework.request import Request

from governance.errors import FieldError, InvalidInput
from governance.models.task import Status
from governance.tasks import schemas
from governance.tasks import services as tasks
from governance.tasks.services import Outcome
from juggernaut.api import bodies
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.path_parameters import TASK_ID
from juggernaut.api.resource import TASKS, Resource, answer, task_id
from juggernaut.api.schemas import ReasonOptional, ReasonRequired

MAX_IDS = 10_000


class ReasonForMany(ReasonRequired):
    ids: list[UUID] = Field(min_length=1, max_length=MAX_IDS)


Asked = TypeVar("Asked", bound=ReasonRequired)


class OptionalReasonForMany(ReasonOptional, ReasonForMany):
    pass


_MOVED = record("MovedTask", id=UUID, url=str, status=Status)
_SKIPPED = record(
    "SkippedTask",
    "`found` is the state it was in; null if there is no such task.",
    id=UUID,
    found=Status | None,
)
_TOLD = record("MovedTasks", moved=int, skipped=int, skipped_tasks=many(_SKIPPED))
_REASON = {"why": {"reason": "started by mistake"}}
_REASON_FOR_MANY = {"why": {"ids": [TASK_ID.example], "reason": "started by mistake"}}


class TaskAction(Resource):
    """The subclass names the verb of `governance.tasks.services`. Who destroys something says why."""

    verb: ClassVar[Any]
    needs_reason: ClassVar[bool] = True

    def read(self, shape: type[Asked]) -> Asked:
        optional = not self.needs_reason and bodies.is_empty(self.request)
        body = {} if optional else bodies.read_object(self.request, limit=settings.MAX_TASK_BODY_BYTES)
        try:
            asked = shape.model_validate(body)
        except ValidationError as invalid:
            raise InvalidInput(schemas.field_errors(invalid)) from None
        if self.needs_reason and not asked.reason.strip():
            message = "a reason is expected: it is kept in the task's history"
            raise InvalidInput([FieldError("reason", message)])
        return asked


class One(TaskAction):
    """For the task in the address: `{"reason": …}`. 409 when its state does not allow it."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason, moved = self.read(ReasonRequired).reason, task_id(name)
        status = tasks.one(self.verb, moved, actor=self.actor, reason=reason)
        return answer({"id": moved, "url": self.address(f"{TASKS}/{moved}"), "status": status})


class Many(TaskAction):
    """For `{"ids": […], "reason": …}`: says how many it moved, and which ones it skipped and why."""

    def post(self, request: Request) -> HttpResponse:
        asked = self.read(ReasonForMany)
        ids = list(dict.fromkeys(asked.ids))
        return answer(_told(self.verb(ids, actor=self.actor, reason=asked.reason), ids))


@endpoint(
    "Tasks",
    of=TASK_ID,
    post=Operation(
        "cancel_task", "Cancel a task", {200: _MOVED}, body=ReasonOptional, refuses=(409,), examples=_REASON
    ),
)
class Cancel(One):
    verb = staticmethod(tasks.cancel)


@endpoint(
    "Tasks",
    of=TASK_ID,
    post=Operation(
        "terminate_task",
        "End a task as failed",
        {200: _MOVED},
        body=ReasonOptional,
        refuses=(409,),
        examples=_REASON,
    ),
)
class Terminate(One):
    verb = staticmethod(tasks.terminate)


@endpoint(
    "Tasks",
    of=TASK_ID,
    post=Operation(
        "retry_task",
        "Give a failed or cancelled task fresh attempts",
        {200: _MOVED},
        body=ReasonRequired,
        refuses=(409,),
        examples=_REASON,
    ),
)
class Retry(One):
    verb = staticmethod(tasks.retry)
    needs_reason = False


@endpoint(
    "Tasks",
    post=Operation(
        "cancel_tasks",
        "Cancel several tasks",
        {200: _TOLD},
        body=OptionalReasonForMany,
        examples=_REASON_FOR_MANY,
    ),
)
class CancelMany(Many):
    verb = staticmethod(tasks.cancel)


@endpoint(
    "Tasks",
    post=Operation(
        "terminate_tasks",
        "End several tasks as failed",
        {200: _TOLD},
        body=OptionalReasonForMany,
        examples=_REASON_FOR_MANY,
    ),
)
class TerminateMany(Many):
    verb = staticmethod(tasks.terminate)


@endpoint(
    "Tasks",
    post=Operation(
        "retry_tasks",
        "Give several tasks fresh attempts",
        {200: _TOLD},
        body=ReasonForMany,
        examples=_REASON_FOR_MANY,
    ),
)
class RetryMany(Many):
    verb = staticmethod(tasks.retry)
    needs_reason = False


def _told(outcome: Outcome, ids: list[UUID]) -> dict[str, Any]:
    known = {*outcome.moved, *outcome.skipped}
    unknown = [task for task in ids if task not in known]
    return {
        "moved": len(outcome.moved),
        "skipped": len(outcome.skipped) + len(unknown),
        "skipped_tasks": [
            *({"id": task, "found": found} for task, found in outcome.skipped.items()),
            *({"id": task, "found": None} for task in unknown),
        ],
    }
