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
                "recurring_url": self.address("/api/recurring"),
                "workers_url": self.address("/api/workers"),
                "fleet_url": self.address("/api/fleet"),
                "rate_limits_url": self.address(RATE_LIMITS),
                "dlq_url": self.address("/api/dlq"),
                "dlq_groups_url": self.address("/api/dlq/groups"),
                "redrives_url": self.address("/api/redrives"),
                "budgets_url": self.address("/api/budgets"),
                "permissions_url": self.address("/api/permissions"),
                "approvals_url": self.address("/api/approvals"),
                "breakers_url": self.address("/api/breakers"),
                "breaker_events_url": self.address("/api/breakers/events"),
                "costs_url": self.address("/api/costs"),
                "cost_lines_url": self.address("/api/costs/lines"),
                "cost_paces_url": self.address("/api/costs/paces"),
                "prices_url": self.address("/api/prices"),
                "tool_executions_url": self.address("/api/tool-executions"),
                "diagnosis_url": self.address("/api/diagnosis"),
                "task_types": [described(kind) for kind in task_types.known()],
            }
        )
