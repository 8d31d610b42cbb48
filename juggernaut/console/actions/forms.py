"""Admin actions with a form, a preview of before and after, and one service call.

The page says how things stand. Confirming it runs the action only if they still stand so: one that was
sent twice, or that somebody else has overtaken, shows the page again instead of doing more.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from governance.access import actors
from governance.access.actors import Actor
from governance.errors import Forbidden, GovernanceError, InvalidInput
from juggernaut.console.lists.read_only import LISTED

CONFIRMED = "confirmed"
SEEN = "seen"
_OVERTAKEN = "This has changed since the page was made, or was done already. Below is how it stands now."

Said = dict[str, Any]


@dataclass(frozen=True)
class DiffRow:
    """How one thing stands and how it would stand; `after` empty: nothing of it would change."""

    name: str
    before: str
    after: str = ""


class ReasonForm(forms.Form):
    """Why it is done: kept in the audit log. What is asked beside it, the heirs say."""

    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextInputWidget, help_text="Kept in the audit log.",
        error_messages={"required": "A reason is needed: it is what others will read when they ask why."},
    )  # fmt: skip
    field_order: Sequence[str] | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"] = self.fields.pop("reason")  # asked last


@dataclass(frozen=True)
class AdminAction:
    """`call` does it to all rows and returns what it did, in words; `lines` tells before and after.

    `initial` is what the form begins with. `field` says where the form shows what the service calls
    something else.
    """

    name: str
    says: str
    call: Callable[[Sequence[Any], Actor, Said], str]
    lines: Callable[[Sequence[Any], Said], list[DiffRow]]
    form: type[ReasonForm] = ReasonForm
    initial: Callable[[Sequence[Any]], Said] = lambda rows: {}
    is_destructive: bool = False
    makes: bool = False  # it begins with no row
    fields: Mapping[str, str] | None = None
    # What must not have changed meanwhile; by default all that `lines` tells of how things stand.
    stands: Callable[[Sequence[Any]], object] | None = None

    @property
    def has_terms(self) -> bool:
        """Whether the form asks for more than the reason, so that a preview is worth a button."""
        return len(self.form.base_fields) > 1


def confirm_or_run(
    admin: ModelAdmin, request: HttpRequest, chosen: "QuerySet[Any]", action: AdminAction, *, back: str
) -> HttpResponse | None:
    """The page that asks; once it is confirmed, run the action, say what was done, and return None."""
    bounded = chosen.model.objects.filter(pk__in=list(chosen.values_list("pk", flat=True)[:LISTED]))
    with transaction.atomic():
        is_sent = CONFIRMED in request.POST
        rows = list((bounded.select_for_update() if is_sent else bounded).order_by("pk"))
        form = _form(request, rows, action)
        if not rows and not action.makes:
            messages.warning(request, "Nothing was done: what was chosen no longer exists.")
            return None
        is_valid = is_sent and form.is_valid() and _is_as_seen(request, rows, action, form)
        if is_valid and _do(request, rows, action, form):
            return None
    return _ask(admin, request, rows, action, form, back)


def _form(request: HttpRequest, rows: Sequence[Any], action: AdminAction) -> ReasonForm:
    is_filled = CONFIRMED in request.POST or "preview" in request.POST
    return action.form(request.POST if is_filled else None, initial=action.initial(rows))


def _said(form: ReasonForm, rows: Sequence[Any], action: AdminAction) -> Said:
    """What the form says as far as it can be understood, else what it began with."""
    if form.is_bound:
        form.is_valid()
        return action.initial(rows) | form.cleaned_data
    return action.initial(rows)


def _seen(rows: Sequence[Any], action: AdminAction, said: Said) -> str:
    told = [(line.name, line.before) for line in action.lines(rows, said)]
    stands = action.stands(rows) if action.stands else told
    return hashlib.sha256(repr(stands).encode()).hexdigest()[:32]


def _is_as_seen(request: HttpRequest, rows: Sequence[Any], action: AdminAction, form: ReasonForm) -> bool:
    is_same = request.POST.get(SEEN) == _seen(rows, action, form.cleaned_data)
    if not is_same:
        form.add_error(None, _OVERTAKEN)
    return is_same


def _do(request: HttpRequest, rows: Sequence[Any], action: AdminAction, form: ReasonForm) -> bool:
    """Whether it was done; if not, the form says why and nothing has changed."""
    try:
        with transaction.atomic():
            told = action.call(rows, actors.from_user(request.user), form.cleaned_data)
    except Forbidden as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except InvalidInput as invalid:
        show_errors(form, invalid, action.fields or {})
        return False
    except GovernanceError as refused:
        form.add_error(None, str(refused))
        return False
    messages.success(request, told)
    return True


def show_errors(form: forms.Form, invalid: InvalidInput, fields: Mapping[str, str]) -> None:
    """Each error at its field; one of a field that the form does not have names it."""
    for error in invalid.errors:
        field = fields.get(error.field, error.field)
        form.add_error(*((field, error.message) if field in form.fields else (None, str(error))))


def _ask(
    admin: ModelAdmin,
    request: HttpRequest,
    rows: Sequence[Any],
    action: AdminAction,
    form: ReasonForm,
    back: str,
) -> HttpResponse:
    said = _said(form, rows, action)
    lines = action.lines(rows, said)
    context = {
        **admin.admin_site.each_context(request),
        "title": f"{action.name.capitalize()}: {_named(admin, rows)}" if rows else action.name.capitalize(),
        "opts": admin.opts,
        "admin_action": action,
        "form": form,
        "lines": lines,
        "seen": _seen(rows, action, said),
        "selected": [row.pk for row in rows],
        "action": request.POST.get("action", ""),
        "checkbox": helpers.ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
        "seen_name": SEEN,
        "back": back,
    }
    return TemplateResponse(request, "governance/admin_action.html", context)


def _named(admin: ModelAdmin, rows: Sequence[Any]) -> str:
    return str(rows[0]) if len(rows) == 1 else f"{len(rows):,} {admin.opts.verbose_name_plural}"
