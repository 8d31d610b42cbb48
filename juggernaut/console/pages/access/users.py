"""Pages of users and groups; tokens have pages of their own."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from governance.access import actors
from governance.audit import log as audit
from juggernaut.console.lists.read_only import RowPageMixin
from juggernaut.console.pages.access import audit_trail
from juggernaut.console.pages.access import tokens as token_pages

__all__ = ["token_pages"]

admin.site.unregister([User, Group])


class AuditedRows(RowPageMixin):
    """Rows that Django's own pages change: in the audit log as done by whoever is logged in, and the page of
    a row shows what was done to it. What is told, triggers decide (migration 0002)."""

    change_form_outer_after_template = "governance/audit_trail.html"

    def shown_beside(self, request: HttpRequest, row: Model) -> dict[str, Any]:
        return audit_trail.shown_to(request, f"{self.opts.model_name} {row}")

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        with _acting(request, "change" if change else "create"):
            super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm, formsets: Iterable[Any], change: bool
    ) -> None:
        with _acting(request, "change"):
            super().save_related(request, form, formsets, change)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        with _acting(request, "delete"):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        with _acting(request, "delete"):
            super().delete_queryset(request, queryset)


def _acting(request: HttpRequest, verb: str) -> AbstractContextManager[None]:
    return audit.acting(actors.from_user(request.user), verb=verb)


@admin.register(User)
class ConsoleUserAdmin(AuditedRows, UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # Django's chooser of two lists names its parts for nobody who cannot see them
    # Facts; and a form would cut their microseconds off, which is a change.
    readonly_fields = ("last_login", "date_joined")
    list_display = ("username", "is_active", "is_staff", "is_superuser", "last_login")

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        with _acting(request, "password"):
            shown: HttpResponse = super().user_change_password(request, id, form_url)
        return shown


@admin.register(Group)
class ConsoleGroupAdmin(AuditedRows, GroupAdmin, ModelAdmin):
    filter_horizontal = ()
