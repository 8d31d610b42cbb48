"""The addresses of dead letters, without trailing slashes."""

from django.urls import path

from reliability.api import groups, letters, redrives

urlpatterns = [
    path("dlq", letters.Letters.as_view()),
    path("dlq/groups", groups.Groups.as_view()),
    path("dlq/groups/<str:name>", groups.GroupDetail.as_view()),
    path("dlq/groups/<str:name>/triage", groups.Triage.as_view()),
    path("dlq/retry", redrives.RetryMany.as_view()),
    path("dlq/resolve", letters.ResolveMany.as_view()),
    path("dlq/<str:name>", letters.LetterDetail.as_view()),
    path("dlq/<str:name>/retry", letters.Retry.as_view()),
    path("dlq/<str:name>/resolve", letters.Resolve.as_view()),
    path("redrives", redrives.Redrives.as_view()),
    path("redrives/preview", redrives.Preview.as_view()),
    path("redrives/<str:name>", redrives.RedriveDetail.as_view()),
    path("redrives/<str:name>/items", redrives.Items.as_view()),
    path("redrives/<str:name>/pause", redrives.Pause.as_view()),
    path("redrives/<str:name>/resume", redrives.Resume.as_view()),
    path("redrives/<str:name>/abort", redrives.Abort.as_view()),
    path("tasks/<str:name>/move-to-dlq", letters.Move.as_view()),
]
