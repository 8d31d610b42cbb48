"""Permissions in the console: the matrix, the list with what is used of quotas, and the verbs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance.access import permissions
from governance.models import PermissionUse, ToolPermission
from juggernaut.console import formatting
from juggernaut.console.actions.rows import AdminActionMixin
from juggernaut.console.lists import columns, filters
from juggernaut.console.lists.read_only import BoundedChangeList
from juggernaut.console.pages.access import audit_trail, permission_actions, permission_matrix

_SAYS = {"allow": "allow", "deny": "deny"}


class EffectFilter(admin.SimpleListFilter):
    title = "says"
    parameter_name = "says"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        return [("allow", "allow"), ("deny", "deny"), ("asks", "asks a person")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.value() == "asks":
            return queryset.filter(requires_approval=True)
        return queryset.filter(effect=self.value()) if self.value() in _SAYS else queryset


class ValidityFilter(admin.SimpleListFilter):
    title = "counts"
    parameter_name = "counts"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        return [("now", "now"), ("later", "later"), ("ended", "ended")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        now = timezone.now()
        begun = Q(valid_from__isnull=True) | Q(valid_from__lte=now)
        chosen = {
            "now": begun & (Q(valid_until__isnull=True) | Q(valid_until__gt=now)),
            "later": Q(valid_from__gt=now),
            "ended": Q(valid_until__lte=now),
        }
        condition = chosen.get(str(self.value()))
        return queryset if condition is None else queryset.filter(condition)


class PermissionList(BoundedChangeList):
    """Reads what was called today and this minute of all rows on the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        used = uses(rows, now=timezone.now())
        for row in rows:
            row.used = used(row)
        self.result_list: list[Any] = rows


def uses(rows: list[Any], *, now: datetime) -> Callable[[Any], dict[str, int]]:
    """For each of these rows the calls that count in this day and this minute, by `day` and `minute`."""
    minute = now.replace(second=0, microsecond=0)
    current = Q(span="minute", starts_at=minute) | Q(span="day", starts_at=minute.replace(hour=0, minute=0))
    asked = {
        "worker_id__in": {row.worker_id for row in rows},
        "tool_name__in": {row.tool_name for row in rows},
    }
    found = PermissionUse.objects.filter(current, **asked).values_list(
        "worker_id", "tool_name", "span", "calls"
    )
    calls = {(worker, tool, span): count for worker, tool, span, count in found}
    return lambda row: {
        span: calls.get((row.worker_id, row.tool_name, span), 0) for span in permissions.SPANS
    }


def quota(used: int, most: int | None) -> SafeString | str:
    """`3 of 20`, drawn where there is a limit."""
    if most is None:
        return "no limit"
    share = min(100.0, used / most * 100) if most else 100.0
    return format_html(
        '<div class="jg-window"><span class="jg-bar" aria-hidden="true"><i class="jg-part-{}"'
        ' style="width: {}%"></i></span><span class="jg-note">{}</span></div>',
        "over" if used >= most else "spent",
        f"{share:.1f}",
        f"{used:,} of {most:,}",
    )


@admin.register(ToolPermission)
class PermissionAdmin(AdminActionMixin):
    needs = {"rule": permissions.PERMISSION}
    add_says = "Grant or deny"
    list_display = ("tool", "worker_id", "says", "today", "minute", "validity")
    list_filter = (filters.WorkerIdFilter, EffectFilter, ValidityFilter)
    list_filter_sheet = True
    ordering = ("tool_name", "worker_id", "effect")
    search_fields = ("tool_name",)
    search_help_text = "A part of the name of a tool"
    nothing_exists = "No worker may call anything: no row means no."
    actions = ("for_a_day_chosen", "deny_chosen", "revoke_chosen")
    actions_detail = ("change_this", "for_a_day_this", "deny_this", "revoke_this")
    change_form_outer_after_template = "governance/audit_trail.html"
    fieldsets = (
        (
            "Permission",
            {
                "fields": (
                    ("worker_id", "tool_name"),
                    ("says", "requires_approval"),
                    ("today", "minute"),
                    ("begins", "ends"),
                    ("by", "created"),
                )
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(permissions.PERMISSION)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PermissionList

    by = columns.text("granted_by", "By")
    created = columns.exact("created_at", "Since")
    begins = columns.exact("valid_from", "Begins", otherwise="at once")
    ends = columns.exact("valid_until", "Ends", otherwise="never")

    @display(description="Tool")
    def tool(self, row: ToolPermission) -> SafeString:
        return format_html('<span class="jg-title">{}</span>', row.tool_name)

    @display(description="Says")
    def says(self, row: ToolPermission) -> SafeString:
        """Before and after its time, a row says nothing."""
        now = timezone.now()
        if row.valid_until and row.valid_until <= now:
            return formatting.badge("ended")
        if row.valid_from and row.valid_from > now:
            return formatting.badge("later")
        return formatting.badge(
            "asks a person" if row.requires_approval and row.effect == "allow" else row.effect
        )

    @display(description="Today")
    def today(self, row: Any) -> SafeString | str:
        return quota(_used(row)["day"], row.max_calls_per_day)

    @display(description="This minute")
    def minute(self, row: Any) -> SafeString | str:
        return quota(_used(row)["minute"], row.max_calls_per_minute)

    @display(description="Counts")
    def validity(self, row: ToolPermission) -> SafeString | str:
        if row.valid_from and row.valid_from > timezone.now():
            return format_html("begins {}", formatting.moment(row.valid_from))
        return format_html("until {}", formatting.moment(row.valid_until)) if row.valid_until else "always"

    # ------------------------------------------------------------------------ the matrix, and a page

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.matrix_view)
        return [path("matrix/", view, name="governance_toolpermission_matrix"), *super().get_urls()]

    def matrix_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Who may call what",
            "opts": self.opts,
            "matrix": permission_matrix.draw(now=timezone.now()),
            "may_grant": self.has_add_permission(request),
        }
        return TemplateResponse(request, "governance/permission_matrix.html", context)

    def page_of(self, request: HttpRequest, row: ToolPermission) -> dict[str, Any]:
        name = f"{row.worker_id} {row.tool_name}"
        return {"title": name} | audit_trail.shown_to(request, f"permission {name}")

    # --------------------------------------------------------------------------------- the verbs

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a grant, begun with what the address names."""
        named = {
            field: request.GET[name]
            for field, name in (("worker_id", "worker"), ("tool_name", "tool"))
            if name in request.GET
        }
        return self.make(request, replace(permission_actions.GRANT, initial=lambda rows: dict(named)))

    @admin.action(description="Allow for a day", permissions=["rule"])
    def for_a_day_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, permission_actions.FOR_A_DAY)

    @admin.action(description="Deny", permissions=["rule"])
    def deny_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, permission_actions.DENY)

    @admin.action(description="Revoke", permissions=["rule"])
    def revoke_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, permission_actions.REVOKE)

    @action(
        description="Change terms", permissions=["rule"], url_path="terms", icon="edit",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def change_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, permission_actions.CHANGE)

    @action(description="Allow for a day", permissions=["rule"], url_path="day", icon="today")
    def for_a_day_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, permission_actions.FOR_A_DAY)

    @action(description="Deny", permissions=["rule"], url_path="deny", icon="block")
    def deny_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, permission_actions.DENY)

    @action(
        description="Revoke", permissions=["rule"], url_path="revoke", icon="remove_moderator",
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def revoke_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, permission_actions.REVOKE)


def _used(row: Any) -> dict[str, int]:
    """The list has read it for all of its rows; the page of one asks."""
    known: dict[str, int] = row.used if hasattr(row, "used") else uses([row], now=timezone.now())(row)
    return known
