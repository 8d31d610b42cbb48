"""Alert rules in the console: from where on something is an alert, and how often it is told."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from juggernaut.console.actions.rows import AdminActionMixin
from juggernaut.console.lists import columns
from juggernaut.console.pages.alerts import alert_actions
from monitoring.alerts import services
from monitoring.models import AlertRule


@admin.register(AlertRule)
class AlertRuleAdmin(AdminActionMixin):
    needs = {"set": services.SET_RULE}
    list_display = ("what", "how_bad", "from_where", "every", "switched")
    ordering = ("name",)
    nothing_exists = "There are no rules: manage.py migrate writes those that are shipped."
    actions_detail = ("set_this",)
    fieldsets = (("Rule", {"fields": ("says", ("how_bad", "from_where"), ("every", "switched"))}),)

    what = columns.titled("Rule", "name", "says")
    how_bad = columns.badge("severity", "Severity", critical="bad", warning="held")

    @display(description="From where on")
    def from_where(self, row: AlertRule) -> str:
        return f"{row.threshold:g} {row.unit}"

    @display(description="Told again every")
    def every(self, row: AlertRule) -> str:
        return f"{row.repeat_seconds:,} s"

    @display(description="Switched on")
    def switched(self, row: AlertRule) -> str:
        return "yes" if row.is_enabled else "no"

    @action(
        description="Set", permissions=["set"], url_path="set", icon="tune", variant=ActionVariant.PRIMARY
    )
    def set_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, alert_actions.SET_RULE)
