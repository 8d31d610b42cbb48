"""The addresses of alerts and of the diagnosis, without trailing slashes."""

from django.urls import path

from juggernaut.api.resources.monitoring import alerts, diagnosis

urlpatterns = [
    path("diagnosis", diagnosis.Diagnosis.as_view()),
    path("alerts", alerts.Alerts.as_view()),
    path("alerts/rules", alerts.Rules.as_view()),
    path("alerts/rules/<str:name>", alerts.RuleDetail.as_view()),
    path("alerts/<str:name>", alerts.AlertDetail.as_view()),
    path("alerts/<str:name>/acknowledge", alerts.Acknowledge.as_view()),
    path("alerts/<str:name>/mute", alerts.Mute.as_view()),
    path("alerts/<str:name>/unmute", alerts.Unmute.as_view()),
]
