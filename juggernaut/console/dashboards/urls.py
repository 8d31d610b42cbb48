"""The addresses of the dashboards, inside the console."""

from django.contrib import admin
from django.urls import path

from juggernaut.console.dashboards import breaker_actions, views

app_name = "dashboards"
urlpatterns = [
    path("costs/", admin.site.admin_view(views.show_costs), name="costs"),
    path("costs/figures/", views.show_cost_figures, name="cost_figures"),
    path("breakers/", admin.site.admin_view(views.show_breakers), name="breakers"),
    path("breakers/figures/", views.show_breaker_figures, name="breaker_figures"),
    path("breakers/<slug:verb>/", admin.site.admin_view(breaker_actions.confirm_or_run), name="breaker_verb"),
]
