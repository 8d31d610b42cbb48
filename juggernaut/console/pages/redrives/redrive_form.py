"""Asking for a redrive: what it means, what it would do, and the terms on which it is to go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from governance.access import actors
from governance.errors import Forbidden, GovernanceError, InvalidInput
from governance.units import words
from juggernaut.console.actions.fields import TimeField
from reliability import redrives
from reliability.dead_letters import filters
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.redrives import Preview
from reliability.redrives import services as rules


class RedriveOptionsForm(forms.Form):
    """How the redrive is to go. `as_of` is when the preview was first shown: what came later is not meant."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "what was mended, e.g. credentials renewed"}),
    )
    pace = forms.FloatField(
        label="At most, per second",
        min_value=0.01,
        max_value=rules.MAX_PACE_PER_SECOND,
        initial=rules.PACE_PER_SECOND,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )
    may_fail = forms.FloatField(
        label="Stop when more than this many per cent fail again",
        min_value=0,
        max_value=100,
        initial=rules.MAX_FAILURE_RATE * 100,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )
    canary = forms.BooleanField(
        label="Try a few first: one, then five, then a quarter", required=False, initial=True,
        widget=UnfoldBooleanWidget,
    )  # fmt: skip
    as_of = TimeField(widget=forms.HiddenInput)


@dataclass(frozen=True)
class RedriveRequest:
    """A filter in an address, and the letters that it meant at a moment."""

    filter: DeadLetterFilter
    as_of: datetime

    def frozen(self) -> DeadLetterFilter:
        """The filter without letters that came after the preview."""
        before = self.filter.created_before
        bound = min(before, self.as_of) if before else self.as_of
        return self.filter.model_copy(update={"created_before": bound})


def respond(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """The preview of what the address names; once its terms are confirmed, start it and lead to its page."""
    try:
        asked = filters.parse_query(dict(request.GET.lists()))
        asked.require()
    except GovernanceError as refused:
        return _page(
            admin, request, {"refused": str(refused) if request.GET else ""}, status=_bad(request.GET)
        )
    form = RedriveOptionsForm(request.POST or None, initial={"as_of": timezone.now()})
    try:
        if form.is_valid() and "start" in request.POST:
            return _start(admin, request, asked, form)
        return _preview(admin, request, asked, form)
    except Forbidden as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden


def _start(
    admin: ModelAdmin, request: HttpRequest, asked: DeadLetterFilter, form: RedriveOptionsForm
) -> HttpResponse:
    terms = form.cleaned_data
    try:
        started = redrives.start(
            RedriveRequest(asked, terms["as_of"]).frozen(),
            actor=actors.from_user(request.user),
            reason=terms["reason"],
            pace=terms["pace"],
            canary=terms["canary"],
            max_failure_rate=terms["may_fail"] / 100,
        )
    except InvalidInput as invalid:
        form.add_error(None, str(invalid))
        return _preview(admin, request, asked, form)
    left = sum(started.left_out.values())
    said = f"Started: {started.total:,} to retry" + (f", {left:,} left out." if left else ".")
    messages.success(request, said)
    return HttpResponseRedirect(reverse("admin:reliability_redrive_change", args=[started.pk]))


def _preview(
    admin: ModelAdmin, request: HttpRequest, asked: DeadLetterFilter, form: RedriveOptionsForm
) -> HttpResponse:
    said: Mapping[str, Any] = form.cleaned_data if form.is_bound else form.initial
    found = redrives.preview(
        RedriveRequest(asked, said.get("as_of") or timezone.now()).frozen(),
        actor=actors.from_user(request.user),
        pace=said.get("pace", rules.PACE_PER_SECOND),
        canary=said.get("canary", True),
    )
    return _page(admin, request, {"form": form, "asked": str(asked), "preview": found, **_told(found)})


def _told(found: Preview) -> dict[str, str]:
    return {
        "takes": words(timedelta(seconds=max(1.0, found.at_least_seconds))),
        "steps": ", then ".join(f"{end:,}" for end in found.plan),
    }


def _page(
    admin: ModelAdmin, request: HttpRequest, known: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    context = {**admin.admin_site.each_context(request), "title": "Retry dead letters", "opts": admin.opts}
    return TemplateResponse(request, "reliability/redrive_form.html", context | known, status=status)


def _bad(address: Mapping[str, object]) -> int:
    """An address that says something impossible is an error; one that says nothing is a question."""
    return 400 if address else 200
