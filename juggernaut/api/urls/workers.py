"""Addresses of the work's part of the API."""

from django.urls import path

from juggernaut.api.resources.tasks import tools

urlpatterns = [path("tools", tools.Tools.as_view())]
