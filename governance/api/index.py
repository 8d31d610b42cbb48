"""`/api`: where everything is, and what kinds of task there are."""

from django.http import HttpResponse
from rest_framework.request import Request

from governance import task_types
from governance.api.rate_limits import RATE_LIMITS
from governance.api.resource import TASKS, Resource, answer
from governance.api.task_types import described


class Index(Resource):
    """`/api`."""

    def get(self, request: Request) -> HttpResponse:
        return answer(
            {
                "tasks_url": self.address(TASKS),
                "bulk_url": self.address(f"{TASKS}/bulk"),
                "task_types_url": self.address("/api/task-types"),
                "tools_url": self.address("/api/tools"),
                "workers_url": self.address("/api/workers"),
                "rate_limits_url": self.address(RATE_LIMITS),
                "dlq_url": self.address("/api/dlq"),
                "dlq_groups_url": self.address("/api/dlq/groups"),
                "redrives_url": self.address("/api/redrives"),
                "task_types": [described(kind) for kind in task_types.known()],
            }
        )
