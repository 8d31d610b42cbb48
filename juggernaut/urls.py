"""Every address the web server answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from juggernaut.api.index import Index
from juggernaut.api.openapi.views import DocsView, SchemaView
from juggernaut.console import outage_page
from juggernaut.console.dashboards import views as dashboards

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path(
        "admin/diagnosis/",
        outage_page.shown_during_outages(admin.site.admin_view(dashboards.show_diagnosis)),
        name="diagnosis",
    ),
    path("admin/", include("juggernaut.console.dashboards.urls")),
    path("admin/", admin.site.urls),
    path("", include("juggernaut.api.urls.health")),
    path("api", Index.as_view()),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(), name="docs"),
    path("api/", include("juggernaut.api.urls.reliability")),
    path("api/", include("juggernaut.api.urls.workers")),
    path("api/", include("juggernaut.api.urls.monitoring")),
    path("api/", include("juggernaut.api.urls.tokens")),
    path("api/", include("juggernaut.api.urls.governance")),  # last: it answers for all that is not there
]
handler400 = "juggernaut.api.problems.bad_request"
handler404 = "juggernaut.api.problems.not_found"
handler500 = "juggernaut.api.problems.server_error"
