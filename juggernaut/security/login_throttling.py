"""Login throttling, stored in PostgreSQL by django-axes: for all machines and without Redis."""

from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# Of all names from one address: one password tried with many names. The limit of one name from one
# address is in the settings; whoever fails from elsewhere does not lock the operator out.
FAILURES_OF_ADDRESS = 50


class ThrottlingHandler(AxesDatabaseHandler):
    """Counts by name and address, and by address alone."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return super().is_locked(request, credentials) or self._failures_of_address(request) >= (
            FAILURES_OF_ADDRESS
        )

    def _failures_of_address(self, request: Any) -> int:
        recent = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address, attempt_time__gte=get_cool_off_threshold(request)
        )
        return recent.aggregate(total=Sum("failures_since_start"))["total"] or 0


def locked_out_response(
    request: HttpRequest, response: HttpResponse | None, credentials: Any
) -> HttpResponse:
    """The page instead of the form. It is the same for names that exist and names that do not."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {"minutes": seconds // 60}
    page = render(request, "juggernaut/locked_out.html", context, status=429)
    page["Retry-After"] = str(seconds)
    return page
