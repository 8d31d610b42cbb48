"""`/api/task-types`: what kinds of task there are, with the schema of their payloads."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.tasks import registry as task_types
from governance.tasks.registry import TaskType
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.resource import Resource, answer

TASK_TYPE = record(
    "TaskType",
    "A kind of task; `payload_schema` is a JSON schema.",
    name=str,
    description=str,
    assigned_worker=str,
    timeout_seconds=int,
    max_attempts=int,
    payload_schema=dict[str, Any],
)


@endpoint(
    "Tasks",
    get=Operation(
        "list_task_types", "List the kinds of task", {200: record("TaskTypes", task_types=many(TASK_TYPE))}
    ),
)
class TaskTypes(Resource):
    """`/api/task-types`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"task_types": [described(kind) for kind in task_types.known()]})


def described(kind: TaskType) -> dict[str, Any]:
    """A task type as a client sees it; `description` is its own."""
    return {
        "name": kind.name,
        "description": (kind.run.__doc__ or "").strip(),
        "assigned_worker": kind.worker,
        "timeout_seconds": kind.timeout_seconds,
        "max_attempts": kind.max_attempts,
        "payload_schema": kind.schema.model_json_schema(),
    }
