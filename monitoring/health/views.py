"""Health over HTTP: open to everybody, tells numbers and no secrets."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring.health import readiness
from monitoring.health import report as health


@require_safe
@never_cache
def show_health(request: HttpRequest) -> JsonResponse:
    """Whether the system can do its job: 200, or 503 when it cannot."""
    found = health.report()
    return JsonResponse(
        found, status=503 if found["status"] == health.DOWN else 200, json_dumps_params={"indent": 2}
    )


@require_safe
@never_cache
def show_alive(request: HttpRequest) -> JsonResponse:
    """This process answers: for whoever would restart it if it did not. Looks at nothing else."""
    return JsonResponse({"status": health.OK})


@require_safe
@never_cache
def show_ready(request: HttpRequest) -> JsonResponse:
    """This process can serve requests, its database is there and migrated: for whoever sends them here."""
    is_ready, detail = readiness.look()
    return JsonResponse(
        {"status": health.OK if is_ready else health.DOWN, "detail": detail}, status=200 if is_ready else 503
    )
