"""Every address the web server answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from governance.api.index import Index
from juggernaut import outage_page
from juggernaut.openapi.views import DocsView, SchemaView
from monitoring.dashboards import views as dashboards

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path(
        "admin/diagnosis/",
        outage_page.instead(admin.site.admin_view(dashboards.show_diagnosis)),
        name="diagnosis",
    ),
    path("admin/", include("monitoring.dashboards.urls")),
    path("admin/", admin.site.urls),
    path("", include("monitoring.urls")),
    path("api", Index.as_view()),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(), name="docs"),
    path("api/", include("reliability.api.urls")),
    path("api/", include("workers.api.urls")),
    path("api/", include("monitoring.api.urls")),
    path("api/", include("juggernaut.api.urls")),
    path("api/", include("governance.api.urls")),  # last: it answers for all that is not there
]
handler400 = "juggernaut.problems.bad_request"
handler404 = "juggernaut.problems.not_found"
handler500 = "juggernaut.problems.server_error"
