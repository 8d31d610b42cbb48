"""The dashboards: each a page in the console, and the part of it that is fetched again every few seconds."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from juggernaut.console.dashboards import breaker_actions, breaker_page, cost_page, diagnosis_page

Context = Callable[[HttpRequest], dict[str, Any]]


def _costs(request: HttpRequest) -> dict[str, Any]:
    return cost_page.context(cost_page.parse_query(request.GET.dict()))


def _breakers(request: HttpRequest) -> dict[str, Any]:
    return breaker_page.context(may_act=request.user.has_perm(breaker_actions.PERMISSION))


def _page(title: str, template: str, permission: str, context: Context) -> Callable[..., HttpResponse]:
    @require_safe
    @never_cache
    def show(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(permission):
            raise PermissionDenied(f"{permission} is needed")
        known = {**admin.site.each_context(request), "title": title, **context(request)}
        return TemplateResponse(request, template, known)

    return show


def _figures(template: str, permission: str, context: Context) -> Callable[..., HttpResponse]:
    """Without the console around it. Who may not is told so in a word: no form to log in is pasted in."""

    @require_safe
    @never_cache
    def show(request: HttpRequest) -> HttpResponse:
        if not (request.user.is_staff and request.user.has_perm(permission)):
            return HttpResponse("You are not logged in, or may not see this.", status=403)
        return TemplateResponse(request, template, context(request))

    return show


show_costs = _page("Costs", "monitoring/costs.html", "governance.view_costline", _costs)
show_cost_figures = _figures("monitoring/cost_figures.html", "governance.view_costline", _costs)
show_breakers = _page(
    "Circuit breakers", "monitoring/breakers.html", "reliability.view_circuitbreaker", _breakers
)
show_diagnosis = _page(
    "Diagnosis", "monitoring/diagnosis.html", diagnosis_page.PERMISSION, diagnosis_page.context
)
show_breaker_figures = _figures(
    "monitoring/breaker_figures.html", "reliability.view_circuitbreaker", _breakers
)
