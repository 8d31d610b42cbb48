"""The addresses of dead letters, redrives and breakers, without trailing slashes."""

from django.urls import path

from reliability.api import breakers, gates, groups, letters, redrives

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
    path("breakers", breakers.Breakers.as_view()),
    path("breakers/events", breakers.Events.as_view()),
    path("breakers/reset", breakers.ResetMany.as_view()),
    # The name of a breaker may hold slashes, as those of models do: what ends in a verb comes first.
    path("breakers/<path:name>/events", breakers.EventsOfOne.as_view()),
    path("breakers/<path:name>/reset", breakers.Reset.as_view()),
    path("breakers/<path:name>/force-open", breakers.ForceOpen.as_view()),
    path("breakers/<path:name>/disable", breakers.Disable.as_view()),
    path("breakers/<path:name>/shadow", breakers.Shadow.as_view()),
    path("breakers/<path:name>/restore", breakers.Restore.as_view()),
    path("breakers/<path:name>", breakers.BreakerDetail.as_view()),
    path("gates", gates.Gates.as_view()),
    path("tasks/<str:name>/move-to-dlq", letters.Move.as_view()),
]
