"""The addresses of the API, without trailing slashes."""

from django.urls import path, re_path
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from juggernaut.api import index
from juggernaut.api.resource import Resource
from juggernaut.api.resources.access import approvals, audit, permissions, rate_limits, tool_executions
from juggernaut.api.resources.costs import budgets, costs, prices
from juggernaut.api.resources.fleet import fleet, retention, workers
from juggernaut.api.resources.tasks import recurring, task_actions, task_types, tasks


class NotFoundEndpoint(Resource):
    """Every other address below `/api`."""

    schema = None
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise NotFound(f"there is nothing at {request.path}")


urlpatterns = [
    path("", index.Index.as_view(schema=None)),  # described as `/api`
    path("tasks", tasks.Tasks.as_view()),
    path("tasks/bulk", tasks.Bulk.as_view()),
    path("tasks/cancel", task_actions.CancelMany.as_view()),
    path("tasks/terminate", task_actions.TerminateMany.as_view()),
    path("tasks/retry", task_actions.RetryMany.as_view()),
    path("tasks/<str:name>", tasks.TaskDetail.as_view()),
    path("tasks/<str:name>/events", tasks.Events.as_view()),
    path("tasks/<str:name>/why", tasks.Why.as_view()),
    path("tasks/<str:name>/cancel", task_actions.Cancel.as_view()),
    path("tasks/<str:name>/terminate", task_actions.Terminate.as_view()),
    path("tasks/<str:name>/retry", task_actions.Retry.as_view()),
    path("tasks/<str:name>/budget", budgets.BudgetOfTask.as_view()),
    path("task-types", task_types.TaskTypes.as_view()),
    path("recurring", recurring.Recurring.as_view()),
    path("recurring/<str:name>", recurring.RecurringDetail.as_view()),
    path("recurring/<str:name>/runs", recurring.Runs.as_view()),
    path("recurring/<str:name>/pause", recurring.Pause.as_view()),
    path("recurring/<str:name>/resume", recurring.Resume.as_view()),
    path("workers", workers.Workers.as_view()),
    path("workers/<str:name>", workers.WorkerDetail.as_view()),
    path("workers/<str:name>/pause", workers.Pause.as_view()),
    path("workers/<str:name>/resume", workers.Resume.as_view()),
    path("fleet", fleet.Fleet.as_view()),
    path("fleet/pause", fleet.Pause.as_view()),
    path("fleet/resume", fleet.Resume.as_view()),
    path("retention", retention.Retention.as_view()),
    path("retention/<str:name>", retention.RetentionDetail.as_view()),
    path("rate-limits", rate_limits.RateLimits.as_view()),
    path("rate-limits/<str:name>", rate_limits.RateLimitDetail.as_view()),
    path("budgets", budgets.Budgets.as_view()),
    path("budgets/raise", budgets.RaiseMany.as_view()),
    path("budgets/halve", budgets.HalveMany.as_view()),
    path("budgets/scale", budgets.ScaleMany.as_view()),
    path("budgets/<str:name>", budgets.BudgetDetail.as_view()),
    path("budgets/<str:name>/raise", budgets.Raise.as_view()),
    path("budgets/<str:name>/halve", budgets.Halve.as_view()),
    path("budgets/<str:name>/scale", budgets.Scale.as_view()),
    path("permissions", permissions.Permissions.as_view()),
    path("permissions/check", permissions.Check.as_view()),
    path("permissions/grant", permissions.Grant.as_view()),
    path("permissions/grant-for-a-day", permissions.GrantForADay.as_view()),
    path("permissions/deny", permissions.Deny.as_view()),
    path("permissions/revoke", permissions.Revoke.as_view()),
    path("approvals", approvals.Approvals.as_view()),
    path("approvals/approve", approvals.ApproveMany.as_view()),
    path("approvals/reject", approvals.RejectMany.as_view()),
    path("approvals/<str:name>", approvals.ApprovalDetail.as_view()),
    path("approvals/<str:name>/approve", approvals.Approve.as_view()),
    path("approvals/<str:name>/reject", approvals.Reject.as_view()),
    path("tool-executions", tool_executions.Executions.as_view()),
    path("tool-executions/<str:name>", tool_executions.ExecutionDetail.as_view()),
    path("costs", costs.CostAggregates.as_view()),
    path("costs/lines", costs.CostLines.as_view()),
    path("costs/burn-rates", costs.BurnRates.as_view()),
    path("costs/<str:name>/correct", costs.Correct.as_view()),
    path("audit", audit.Audit.as_view()),
    path("prices", prices.Prices.as_view()),
    path("prices/remove", prices.Remove.as_view()),
    re_path("", NotFoundEndpoint.as_view()),
]
