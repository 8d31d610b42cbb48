"""`/api`: where everything is, and what kinds of task there are."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.tasks import registry as task_types
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.resource import TASKS, Resource, answer
from juggernaut.api.resources.access.rate_limits import RATE_LIMITS
from juggernaut.api.resources.tasks.task_types import TASK_TYPE, described

_URLS = {
    "tasks_url": TASKS,
    "bulk_url": f"{TASKS}/bulk",
    "task_types_url": "/api/task-types",
    "tools_url": "/api/tools",
    "recurring_url": "/api/recurring",
    "workers_url": "/api/workers",
    "fleet_url": "/api/fleet",
    "rate_limits_url": RATE_LIMITS,
    "dlq_url": "/api/dlq",
    "dlq_groups_url": "/api/dlq/groups",
    "redrives_url": "/api/redrives",
    "budgets_url": "/api/budgets",
    "permissions_url": "/api/permissions",
    "approvals_url": "/api/approvals",
    "breakers_url": "/api/breakers",
    "breaker_events_url": "/api/breakers/events",
    "costs_url": "/api/costs",
    "cost_lines_url": "/api/costs/lines",
    "cost_burn_rates_url": "/api/costs/burn-rates",
    "prices_url": "/api/prices",
    "tokens_url": "/api/tokens",
    "alerts_url": "/api/alerts",
    "alert_rules_url": "/api/alerts/rules",
    "tool_executions_url": "/api/tool-executions",
    "audit_url": "/api/audit",
    "diagnosis_url": "/api/diagnosis",
    "schema_url": "/api/schema",
    "docs_url": "/api/docs",
}
_ADDRESSES: dict[str, Any] = dict.fromkeys(_URLS, str)
_INDEX = record("Index", task_types=many(TASK_TYPE), **_ADDRESSES)


@endpoint("Tasks", get=Operation("get_index", "Show where everything is", {200: _INDEX}))
class Index(Resource):
    """`/api`."""

    def get(self, request: Request) -> HttpResponse:
        urls = {name: self.address(path) for name, path in _URLS.items()}
        return answer(urls | {"task_types": [described(kind) for kind in task_types.known()]})
