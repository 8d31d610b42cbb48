"""Tokens of clients in the console: who has one, what it may do, when it was last used; make and revoke."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from governance.access import actors, roles, scopes
from governance.access.actors import Actor
from governance.errors import Forbidden, InvalidInput
from juggernaut.api_tokens import services as api_tokens
from juggernaut.api_tokens.services import CreatedToken
from juggernaut.console import formatting
from juggernaut.console.actions import forms as actions_forms
from juggernaut.console.actions.forms import AdminAction, DiffRow, Said
from juggernaut.console.actions.rows import AdminActionMixin
from juggernaut.console.lists import columns
from juggernaut.console.pages.access import audit_trail
from juggernaut.models import ApiToken

_FIELDS = {"expires_at": "days"}


class TokenForm(forms.Form):
    """For whom, what it may do, and for how long."""

    client = forms.CharField(
        max_length=api_tokens.MAX_CLIENT, widget=UnfoldAdminTextInputWidget,
        help_text="What it does stands in the history as user:NAME. A new name makes a new client.",
    )  # fmt: skip
    role = forms.ChoiceField(
        required=False, widget=UnfoldAdminSelectWidget,
        choices=[("", "a new client: operator; a known one keeps its role"), *((r, r) for r in roles.ROLES)],
    )  # fmt: skip
    scopes = forms.CharField(
        initial=scopes.EVERYTHING, widget=UnfoldAdminTextInputWidget,
        help_text=f"{scopes.EVERYTHING} is all that the client may. Or some of these, with blanks between: "
        + ", ".join(scopes.known()),
    )  # fmt: skip
    days = forms.IntegerField(
        required=False, min_value=1, max_value=36_500, widget=UnfoldAdminIntegerFieldWidget,
        label="Valid for … days", help_text="Empty: until it is revoked.",
    )  # fmt: skip
    note = forms.CharField(
        required=False, max_length=api_tokens.MAX_NOTE, widget=UnfoldAdminTextInputWidget,
        label="What it is for",
    )  # fmt: skip
    reason = forms.CharField(
        required=False, max_length=500, widget=UnfoldAdminTextInputWidget,
        help_text="Kept in the audit log. May be left empty.",
    )  # fmt: skip


def _revoke(rows: Sequence[ApiToken], actor: Actor, said: Said) -> str:
    for row in rows:
        api_tokens.revoke(row.pk, actor=actor, reason=said["reason"])
    return f"Revoked: {', '.join(str(row) for row in rows)}."


REVOKE = AdminAction(
    "revoke",
    "From the next request on nobody is let in with it. It cannot be brought back.",
    _revoke,
    lambda rows, said: [DiffRow(str(row), "ended" if row.is_expired else "valid", "revoked") for row in rows],
    is_destructive=True,
)


@admin.register(ApiToken)
class TokenAdmin(AdminActionMixin):
    needs = {"revoke": api_tokens.REVOKE}
    list_display = ("who", "may", "made", "ends", "used")
    list_filter = ()
    list_select_related = ("owner",)
    ordering = ("-pk",)
    search_fields = ("owner__username", "note", "hint")
    search_help_text = "A part of the client's name, of the note, or how the token begins"
    nothing_exists = "No client has a token. Make one here, or: manage.py create_token NAME"
    actions = ("revoke_chosen",)
    actions_detail = ("revoke_this",)
    change_form_outer_after_template = "governance/audit_trail.html"
    fieldsets = (
        (None, {"fields": (("owner", "note"), ("begins", "may"), ("made", "created_by"), ("ends", "used"))}),
    )

    who = columns.titled("Client", "owner.username", "note")
    made = columns.exact("created_at", "Created")
    ends = columns.exact("expires_at", "Expires", otherwise="never")
    used = columns.exact("last_used_at", "Last used", otherwise="never")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(api_tokens.ADD))

    def page_of(self, request: HttpRequest, row: ApiToken) -> dict[str, Any]:
        return {"title": str(row)} | audit_trail.shown_to(request, f"token {row.pk}")

    @display(description="Begins with")
    def begins(self, row: ApiToken) -> str:
        return f"{row.hint}…"

    @display(description="Scopes")
    def may(self, row: ApiToken) -> SafeString | str:
        said = "all that the client may" if scopes.EVERYTHING in row.scopes else ", ".join(row.scopes)
        return formatting.badge("ended") if row.is_expired else said

    # ---------------------------------------------------------------------------------- the verbs

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_chosen(self, request: HttpRequest, queryset: "QuerySet[ApiToken]") -> HttpResponse | None:
        return self.do_many(request, queryset, REVOKE)

    @action(
        description="Revoke", permissions=["revoke"], url_path="revoke", icon="key_off",
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def revoke_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, REVOKE)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form; once it is sent, the page on which the token stands, this one time."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST or None)
        made = _made(request, form) if form.is_valid() else None
        context = {
            **self.admin_site.each_context(request),
            "title": "Token made" if made else "New token",
            "opts": self.opts, "form": form, "made": made, "back": self.list_address(),
        }  # fmt: skip
        answer = TemplateResponse(request, "juggernaut/new_token.html", context)
        answer["Cache-Control"] = "no-store"
        return answer


def _made(request: HttpRequest, form: TokenForm) -> CreatedToken | None:
    """The token; None, with the errors in the form, if it was refused."""
    said = form.cleaned_data
    try:
        return api_tokens.create(
            said["client"], actor=actors.from_user(request.user), role=said["role"],
            scopes_=said["scopes"].replace(",", " ").split(),
            expires_at=timezone.now() + timedelta(days=said["days"]) if said["days"] else None,
            note=said["note"], reason=said["reason"],
        )  # fmt: skip
    except InvalidInput as invalid:
        actions_forms.show_errors(form, invalid, _FIELDS)
    except Forbidden as forbidden:
        form.add_error(None, str(forbidden))
    return None
