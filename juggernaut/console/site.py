"""The console as Django's admin site: Unfold's, with changes on its own pages recorded as made by who is
logged in."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite

from governance.access import actors
from governance.audit import log as audit


class ConsoleSite(UnfoldAdminSite):
    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page on which people change their own."""
        with audit.acting(actors.from_user(request.user), verb="password"):
            answer: HttpResponse = super().password_change(request, extra_context)
        return answer
