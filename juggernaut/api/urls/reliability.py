"""The addresses of dead letters, redrives and breakers, without trailing slashes."""

from django.urls import path

from juggernaut.api.resources.access import gates
from juggernaut.api.resources.dead_letters import dead_letters, groups, redrives
from juggernaut.api.resources.fleet import breakers

urlpatterns = [
    path("dlq", dead_letters.DeadLetters.as_view()),
    path("dlq/groups", groups.Groups.as_view()),
    path("dlq/groups/<str:name>", groups.GroupDetail.as_view()),
    path("dlq/groups/<str:name>/triage", groups.Triage.as_view()),
    path("dlq/retry", redrives.RetryMany.as_view()),
    path("dlq/resolve", dead_letters.ResolveMany.as_view()),
    path("dlq/<str:name>", dead_letters.DeadLetterDetail.as_view()),
    path("dlq/<str:name>/retry", dead_letters.Retry.as_view()),
    path("dlq/<str:name>/resolve", dead_letters.Resolve.as_view()),
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
    path("tasks/<str:name>/move-to-dlq", dead_letters.Move.as_view()),
]
