"""Addresses of the work's part of the API."""

from django.urls import path

from workers.api import tools

urlpatterns = [path("tools", tools.Tools.as_view())]
