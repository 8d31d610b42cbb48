"""The addresses of health and of the diagnosis."""

from django.urls import path

from monitoring import api, views

urlpatterns = [
    path("health", views.show_health, name="health"),
    path("health/live", views.show_alive, name="health-live"),
    path("health/ready", views.show_ready, name="health-ready"),
    path("api/diagnosis", api.Diagnosis.as_view()),
]
