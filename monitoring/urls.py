"""The addresses of health."""

from django.urls import path

from monitoring import views

urlpatterns = [
    path("health", views.show_health, name="health"),
    path("health/live", views.show_alive, name="health-live"),
    path("health/ready", views.show_ready, name="health-ready"),
]
