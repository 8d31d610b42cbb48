"""The audit log in the console: who did what to what, why, before and after. Nobody can change it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from governance.models import AuditEntry
from juggernaut.console import formatting
from juggernaut.console.lists import columns, filters, search
from juggernaut.console.lists.read_only import ReadOnlyAdmin
from juggernaut.console.pages.access import audit_trail

KINDS = (
    "alert", "alert_rule", "approval", "breaker", "budget", "cost", "fleet", "group", "permission", "price",
    "rate_limit", "recurring", "retention", "token", "user", "worker",
)  # fmt: skip


class KindFilter(admin.SimpleListFilter):
    """By the first word of what was done: the index on targets gives them in their order."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        return [(kind, kind) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(action__startswith=f"{self.value()}.") if self.value() in KINDS else queryset


class WhoFilter(admin.SimpleListFilter):
    title = "through"
    parameter_name = "through"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        return [("user", "console and API"), ("command", "commands"), ("sql", "SQL")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        known = self.value() in {"user", "command", "sql"}
        return queryset.filter(actor__startswith=f"{self.value()}:") if known else queryset


@admin.register(AuditEntry)
class AuditAdmin(ReadOnlyAdmin):
    list_display = ("change", "who", "changed", "why", "when")
    list_filter = (KindFilter, WhoFilter, filters.CreatedAtFilter)
    list_filter_sheet = True
    ordering = ("-pk",)
    search_fields = ("target",)
    search_help_text = (
        f"A part of what was changed, of who did it or of the reason (newest {search.TITLES_SEARCHED:,})"
    )
    nothing_exists = "Nobody has changed anything since the installation."
    change_form_outer_before_template = "governance/audit_entry.html"
    fieldsets = (
        ("Change", {"fields": (("action", "target"), ("actor", "when_exactly"), "reason_told")}),
        ("Whole rows", {"fields": ("before_json", "after_json")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        return search.by_words(queryset, search_term, "target", "actor", "reason"), False

    def page_of(self, request: HttpRequest, entry: AuditEntry) -> dict[str, Any]:
        return {"title": f"{entry.action} {entry.target}", "differences": audit_trail.differences(entry)}

    change = columns.titled("Change", "target", "action")
    who = columns.text("actor", "Who")
    why = columns.note("reason", "Why")
    when = columns.moment("created_at", "When")
    when_exactly = columns.exact("created_at", "When")
    reason_told = columns.text("reason", "Why", otherwise="no reason was given")
    before_json = columns.json("before", "Before")
    after_json = columns.json("after", "After")

    @display(description="Changed")
    def changed(self, entry: AuditEntry) -> SafeString:
        said = ", ".join(f"{d.name}: {d.before} → {d.after}" for d in audit_trail.differences(entry))
        return format_html('<span class="jg-note" title="{}">{}</span>', said[:1000], formatting.clip(said))
