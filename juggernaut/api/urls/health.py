"""The addresses of health and metrics."""

from django.urls import path

from juggernaut.api.resources.monitoring.metrics import Metrics
from monitoring.health import views

urlpatterns = [
    path("health", views.show_health, name="health"),
    path("health/live", views.show_alive, name="health-live"),
    path("health/ready", views.show_ready, name="health-ready"),
    path("metrics", Metrics.as_view(), name="metrics"),
]
