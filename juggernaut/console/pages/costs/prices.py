"""Prices that operators set, in the console: the list, setting one, and removing one.

The table has a key of two columns, which Django's own pages do not take.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from governance.access.actors import Actor
from governance.costs import operator_prices
from governance.models import CostLine, ModelPrice
from juggernaut.console import formatting
from juggernaut.console.actions import forms as actions_forms
from juggernaut.console.actions.forms import AdminAction, DiffRow, ReasonForm, Said

VIEW = "governance.view_modelprice"
RATES = tuple(operator_prices.Rates.model_fields)
SHOWN = 1000
_NAMES = {
    "input_usd_per_mtok": "a million tokens in",
    "output_usd_per_mtok": "a million tokens out",
    "cache_read_usd_per_mtok": "a million tokens read from a cache",
    "cache_write_usd_per_mtok": "a million tokens written to a cache",
    "request_usd": "each request",
}


def _rate(name: str, *, required: bool = False, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=f"USD for {_NAMES[name]}", required=required, min_value=Decimal(0), help_text=help_text,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )  # fmt: skip


class PriceForm(ReasonForm):
    service = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget, help_text="As in openrouter")
    model = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget)
    input_usd_per_mtok = _rate("input_usd_per_mtok", required=True, help_text="0 is a price.")
    output_usd_per_mtok = _rate("output_usd_per_mtok", required=True)
    cache_read_usd_per_mtok = _rate("cache_read_usd_per_mtok", help_text="Empty: as tokens in.")
    cache_write_usd_per_mtok = _rate("cache_write_usd_per_mtok", help_text="Empty: as tokens in.")
    request_usd = _rate("request_usd", help_text="Empty: nothing.")


class NamedForm(ReasonForm):
    service = forms.CharField(max_length=100, widget=forms.HiddenInput)
    model = forms.CharField(max_length=200, widget=forms.HiddenInput)


def _found(said: Said) -> ModelPrice | None:
    return ModelPrice.objects.filter(service=said.get("service", ""), model=said.get("model", "")).first()


def _written(name: str, rate: Decimal | None) -> str:
    if rate is None:
        return "as tokens in" if name.startswith("cache") else formatting.money(Decimal(0))
    return formatting.money(rate)


def _set(rows: Sequence[Any], actor: Actor, said: Said) -> str:
    rates = {name: said[name] for name in RATES if said.get(name) is not None}
    row = operator_prices.set_price(
        said["service"], said["model"], actor=actor, reason=said["reason"], **rates
    )
    return f"The price of {row} is set. It binds at the next call."


def _set_lines(rows: Sequence[Any], said: Said) -> list[DiffRow]:
    found = _found(said)
    return [
        DiffRow(
            f"For {title}",
            _written(name, getattr(found, name)) if found else "no price",
            _written(name, said.get(name)),
        )
        for name, title in _NAMES.items()
        if found
    ]


def _remove(rows: Sequence[Any], actor: Actor, said: Said) -> str:
    operator_prices.remove_price(said["service"], said["model"], actor=actor, reason=said["reason"])
    return f"The price of {said['model']} at {said['service']} is removed."


def _remove_lines(rows: Sequence[Any], said: Said) -> list[DiffRow]:
    found = _found(said)
    return [DiffRow(str(found), "priced", "no price")] if found else []


SET = AdminAction(
    "set price",
    "For a model that the price list does not know. It binds at the next call; what was booked stays.",
    _set,
    _set_lines,
    form=PriceForm,
    makes=True,
)
REMOVE = AdminAction(
    "remove price",
    "Calls of a model that the price list does not know either are refused from then on.",
    _remove,
    _remove_lines,
    form=NamedForm,
    is_destructive=True,
    makes=True,
)


class PricePages:
    """The pages, for the class that shows the ledger to inherit."""

    def price_urls(self: Any) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("prices/", wrap(self.prices_view), name="governance_modelprice_changelist"),
            path("prices/set/", wrap(self.set_price_view), name="governance_modelprice_set"),
            path("prices/remove/", wrap(self.remove_price_view), name="governance_modelprice_remove"),
        ]

    def prices_view(self: Any, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        rows = list(ModelPrice.objects.order_by("service", "model")[: SHOWN + 1])
        context = {
            **self.admin_site.each_context(request),
            "title": "Model prices",
            "opts": self.opts,
            "prices": rows[:SHOWN],
            "is_cut": len(rows) > SHOWN,
            "may_set": request.user.has_perm(operator_prices.PERMISSION),
        }
        return TemplateResponse(request, "governance/model_prices.html", context)

    def set_price_view(self: Any, request: HttpRequest) -> HttpResponse:
        return _ask(self, request, SET)

    def remove_price_view(self: Any, request: HttpRequest) -> HttpResponse:
        return _ask(self, request, REMOVE)


def _ask(admin: ModelAdmin, request: HttpRequest, action: AdminAction) -> HttpResponse:
    if not request.user.has_perm(operator_prices.PERMISSION):
        raise PermissionDenied
    named = {name: request.GET[name] for name in ("service", "model") if name in request.GET}
    found = _found(named)
    begun = named | ({name: getattr(found, name) for name in RATES} if found else {})
    page = reverse("admin:governance_modelprice_changelist")
    begun_action = replace(action, initial=lambda rows: dict(begun))
    asked = actions_forms.confirm_or_run(admin, request, CostLine.objects.none(), begun_action, back=page)
    return asked or HttpResponseRedirect(page)
