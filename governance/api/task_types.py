"""`/api/task-types`: what kinds of task there are, with the schema of their payloads."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance import task_types
from governance.api.resource import Resource, answer
from governance.task_types import TaskType


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
