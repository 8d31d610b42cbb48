"""Addresses of the installation's part of the API."""

from django.urls import path

from juggernaut.api.resources.access import tokens

urlpatterns = [
    path("tokens", tokens.Tokens.as_view()),
    path("tokens/<str:name>", tokens.TokenDetail.as_view()),
]
