"""Saying what one thinks of a group of failures: open, known, or ignored until something happens."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
)

from governance.access import actors
from governance.access.actors import Actor
from governance.errors import Forbidden, InvalidInput
from governance.models import FailureSignature
from reliability.dead_letters import triage

_Triage = FailureSignature.Triage
_MOST = 1_000_000_000
# Where the form shows what the service says of its own arguments.
_FIELDS = {"until": "hours"}


class TriageForm(forms.Form):
    """Ignoring ends at the first of what is named; the other two states need no end."""

    state = forms.ChoiceField(
        choices=[
            (_Triage.OPEN.value, "Open: it needs attention"),
            (_Triage.KNOWN.value, "Known: somebody is on it, and the note says who or what"),
            (_Triage.IGNORED.value, "Ignored: out of sight until…"),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    hours = forms.FloatField(
        label="… so many hours have passed", required=False, min_value=0.01, max_value=24 * 366,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )  # fmt: skip
    failures = forms.IntegerField(
        label="… it has failed so many times more", required=False, min_value=1, max_value=_MOST,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip
    per_hour = forms.IntegerField(
        label="… it fails so many times in one hour", required=False, min_value=1, max_value=_MOST,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip
    note = forms.CharField(max_length=2000, required=False, widget=UnfoldAdminTextInputWidget)


def confirm_or_run(
    admin: ModelAdmin, request: HttpRequest, group: FailureSignature, *, back: str
) -> HttpResponse | None:
    """The page that asks; once answered, do it, say so, and return None."""
    form = TriageForm(request.POST or None, initial={"state": group.triage, "note": group.note})
    if form.is_valid() and _do(request, group, form):
        return None
    context = {
        **admin.admin_site.each_context(request),
        "title": "Triage",
        "opts": admin.opts,
        "group": group,
        "form": form,
        "back": back,
    }
    return TemplateResponse(request, "reliability/triage.html", context)


def _do(request: HttpRequest, group: FailureSignature, form: TriageForm) -> bool:
    """Whether it was done; if not, the form says why."""
    try:
        now = _apply(group, form.cleaned_data, actors.from_user(request.user))
    except Forbidden as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except InvalidInput as invalid:
        for error in invalid.errors:
            form.add_error(_FIELDS.get(error.field, error.field), error.message)
        return False
    messages.success(request, f"The group is {now.triage} now.")
    return True


def _apply(group: FailureSignature, said: dict[str, Any], actor: Actor) -> FailureSignature:
    note = said["note"]
    if said["state"] == _Triage.OPEN:
        return triage.reopen(group.pk, actor=actor, note=note)
    if said["state"] == _Triage.KNOWN:
        return triage.mark_known(group.pk, actor=actor, note=note)
    now = timezone.now()
    ends = {
        "until": now + timedelta(hours=said["hours"]) if said["hours"] else None,
        "failures": said["failures"],
        "per_hour": said["per_hour"],
    }
    return triage.ignore(group.pk, actor=actor, note=note, now=now, **ends)
