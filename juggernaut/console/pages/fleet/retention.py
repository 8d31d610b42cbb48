"""The page of retention rules."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from governance.models import RetentionRule
from governance.models.retention import days
from juggernaut.console.lists import columns
from juggernaut.console.lists.read_only import ReadOnlyAdmin


@admin.register(RetentionRule)
class RetentionRuleAdmin(ReadOnlyAdmin):
    list_display = ("name", "what", "kept", "at_least", "gone")
    list_display_links = None
    ordering = ("name",)
    nothing_exists = "There are no rules, so nothing is ever removed."

    gone = columns.exact("pruned_before", "Gone before")

    kept = columns.text("kept", "Kept")

    @display(description="At least")
    def at_least(self, rule: RetentionRule) -> str:
        return days(rule.least_days)

    def has_view_permission(self, request: HttpRequest, obj: RetentionRule | None = None) -> bool:
        return bool(request.user.has_perm("governance.view_retentionrule"))
