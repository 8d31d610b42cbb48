"""The addresses of the API, without trailing slashes."""

from django.urls import path, re_path
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from governance.api import fleet, index, recurring, tasks, verbs, workers
from governance.api.resource import Resource


class Nowhere(Resource):
    """Every other address below `/api`."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise NotFound(f"there is nothing at {request.path}")


urlpatterns = [
    path("", index.Index.as_view()),
    path("tasks", tasks.Tasks.as_view()),
    path("tasks/bulk", tasks.Bulk.as_view()),
    path("tasks/cancel", verbs.CancelMany.as_view()),
    path("tasks/terminate", verbs.TerminateMany.as_view()),
    path("tasks/retry", verbs.RetryMany.as_view()),
    path("tasks/<str:name>", tasks.TaskDetail.as_view()),
    path("tasks/<str:name>/events", tasks.Events.as_view()),
    path("tasks/<str:name>/cancel", verbs.Cancel.as_view()),
    path("tasks/<str:name>/terminate", verbs.Terminate.as_view()),
    path("tasks/<str:name>/retry", verbs.Retry.as_view()),
    path("recurring", recurring.Recurring.as_view()),
    path("recurring/<str:name>", recurring.RecurringDetail.as_view()),
    path("recurring/<str:name>/runs", recurring.Runs.as_view()),
    path("recurring/<str:name>/pause", recurring.Pause.as_view()),
    path("recurring/<str:name>/resume", recurring.Resume.as_view()),
    path("workers", workers.Workers.as_view()),
    path("workers/<str:name>/pause", workers.Pause.as_view()),
    path("workers/<str:name>/resume", workers.Resume.as_view()),
    path("fleet", fleet.Fleet.as_view()),
    path("fleet/pause", fleet.Pause.as_view()),
    path("fleet/resume", fleet.Resume.as_view()),
    re_path("", Nowhere.as_view()),
]
