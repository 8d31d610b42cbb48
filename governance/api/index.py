"""`/api`: where everything is, and what kinds of task there are."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance import task_types
from governance.api.resource import TASKS, Resource, answer
from governance.task_types import TaskType


class Index(Resource):
    """`/api`."""

    def get(self, request: Request) -> HttpResponse:
        return answer(
            {
                "tasks_url": self.address(TASKS),
                "bulk_url": self.address(f"{TASKS}/bulk"),
                "recurring_url": self.address("/api/recurring"),
                "workers_url": self.address("/api/workers"),
                "fleet_url": self.address("/api/fleet"),
                "dlq_url": self.address("/api/dlq"),
                "dlq_groups_url": self.address("/api/dlq/groups"),
                "redrives_url": self.address("/api/redrives"),
                "task_types": [_described(kind) for kind in task_types.known()],
            }
        )


def _described(kind: TaskType) -> dict[str, Any]:
    return {
        "name": kind.name,
        "assigned_worker": kind.worker,
        "timeout_seconds": kind.timeout_seconds,
        "max_attempts": kind.max_attempts,
        "payload_schema": kind.schema.model_json_schema(),
    }
