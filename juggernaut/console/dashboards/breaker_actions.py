"""The buttons of the page of breakers: each asks for its reason, then calls the service of its verb."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from governance.access import actors
from governance.access.actors import Actor
from governance.errors import Forbidden, InvalidInput
from reliability.breakers import services
from reliability.breakers.models import CircuitBreaker
from reliability.errors import BreakerNotFound

PERMISSION = services.PERMISSION
_MOST_MINUTES = 7 * 24 * 60


@dataclass(frozen=True)
class BreakerAction:
    """`ends` says whether an end may, must or cannot be named."""

    slug: str
    name: str
    says: str
    done: str
    call: Callable[[str, Actor, str, datetime | None], object]
    ends: str = ""
    is_destructive: bool = False


def _reset(name: str, actor: Actor, reason: str, until: datetime | None) -> None:
    services.reset(name, actor=actor, reason=reason)


def _force_open(name: str, actor: Actor, reason: str, until: datetime | None) -> object:
    return services.force_open(name, actor=actor, reason=reason, until=until)


def _disable(name: str, actor: Actor, reason: str, until: datetime | None) -> object:
    assert until is not None  # the form insists
    return services.disable_until(name, until, actor=actor, reason=reason)


def _restore(name: str, actor: Actor, reason: str, until: datetime | None) -> object:
    return services.restore(name, actor=actor, reason=reason)


VERBS = {
    verb.slug: verb
    for verb in (
        BreakerAction(
            "reset", "Reset", "It closes and forgets what it counted, in every process.", "is closed", _reset
        ),
        BreakerAction(
            "force-open", "Force open", "It refuses every call until then, or until somebody restores it.",
            "refuses every call", _force_open, ends="may", is_destructive=True,
        ),
        BreakerAction(
            "disable", "Disable", "It admits every call until then, whatever the service answers.",
            "admits every call", _disable, ends="must", is_destructive=True,
        ),
        BreakerAction("restore", "Restore", "It decides by itself.", "decides by itself again", _restore),
    )
}  # fmt: skip


class BreakerActionForm(forms.Form):
    """Why, and for how long."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}))
    minutes = forms.IntegerField(
        label="For so many minutes",
        min_value=1,
        max_value=_MOST_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, verb: BreakerAction, data: Any = None) -> None:
        super().__init__(data)
        if not verb.ends:
            del self.fields["minutes"]
        elif verb.ends == "may":
            self.fields["minutes"].required = False
            self.fields["minutes"].help_text = "Empty: until somebody restores it."

    def until(self) -> datetime | None:
        minutes = self.cleaned_data.get("minutes")
        return timezone.now() + timedelta(minutes=minutes) if minutes else None


def offered(stands: Mapping[str, Any]) -> list[BreakerAction]:
    """What can be done to a breaker that stands so."""
    is_left_alone = stands["mode"] == "normal"
    return [
        verb
        for verb in VERBS.values()
        if not (verb.slug == "restore" and is_left_alone)
        and not (verb.slug == "force-open" and stands["mode"] == "forced_open")
    ]


def confirm_or_run(request: HttpRequest, verb: str) -> HttpResponse:
    """The page that asks; once answered, do it, say so, and go back to the breakers."""
    if verb not in VERBS:
        raise Http404(f"{verb} is nothing that is done to breakers")
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied(f"{PERMISSION} is needed")
    name = request.GET.get("name", "")
    if not CircuitBreaker.objects.filter(pk=name).exists():
        raise Http404(f"there is no breaker {name}")
    form = BreakerActionForm(VERBS[verb], request.POST or None)
    if form.is_valid() and _do(request, VERBS[verb], name, form):
        return HttpResponseRedirect(reverse("dashboards:breakers"))
    context = {
        **admin.site.each_context(request),
        "title": f"{VERBS[verb].name} the breaker {name}?",
        "verb": VERBS[verb],
        "name": name,
        "form": form,
    }
    return TemplateResponse(request, "monitoring/breaker_verb.html", context)


def _do(request: HttpRequest, verb: BreakerAction, name: str, form: BreakerActionForm) -> bool:
    """Whether it was done; if not, the form says why."""
    try:
        verb.call(name, actors.from_user(request.user), form.cleaned_data["reason"], form.until())
    except Forbidden as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except BreakerNotFound as gone:
        raise Http404(str(gone)) from gone
    except InvalidInput as invalid:
        form.add_error(None, str(invalid))
        return False
    messages.success(request, f"The breaker {name} {verb.done}.")
    return True
