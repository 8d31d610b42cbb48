"""Alerts in the console: what is wrong, since when, who was told; acknowledge, mute, unmute."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from juggernaut.console import formatting
from juggernaut.console.actions.rows import AdminActionMixin
from juggernaut.console.lists import columns, filters
from juggernaut.console.pages.alerts import alert_actions
from monitoring.alerts import selectors, services
from monitoring.models import Alert
from monitoring.models.alert import Severity

_TONES = {"critical": "bad", "warning": "held"}
_SENT = {"sent": "good", "waiting": "waiting", "sending": "running", "unknown": "held", "failed": "bad"}


class StateFilter(filters.PresetFilter):
    """Shows what is not resolved, unless something else is asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        return [("live", "not resolved"), *((state, state) for state in Alert.State.values), ("all", "all")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        asked = self.value() or "live"
        if asked == "live":
            return queryset.exclude(state=Alert.State.RESOLVED)
        return queryset if asked == "all" else queryset.filter(state=asked)


@admin.register(Alert)
class AlertAdmin(AdminActionMixin):
    needs = {"act": services.ACT}
    list_display = ("what", "how_bad", "state_told", "since", "often", "told_last")
    list_filter = (StateFilter, filters.choice("severity", Severity.values))
    list_filter_sheet = True
    ordering = ("-opened_at", "pk")
    search_fields = ("rule__name", "subject", "said")
    search_help_text = "A part of the rule, of what it is about, or of the sentence"
    nothing_exists = (
        "Nothing is wrong, as far as anybody has found: the watchdog looks every five seconds. "
        "What is over is under the filter, as resolved."
    )
    actions = ("acknowledge_chosen", "mute_chosen", "unmute_chosen")
    actions_detail = ("acknowledge_this", "mute_this", "unmute_this")
    change_form_outer_before_template = "monitoring/alert_state.html"
    change_form_outer_after_template = "monitoring/alert_messages.html"
    fieldsets = (
        (
            "When",
            {
                "fields": (
                    ("since", "seen", "over"),
                    ("first", "often", "told_last"),
                    ("acknowledged", "muted"),
                    ("measured",),
                )
            },
        ),
    )

    what = columns.titled("Alert", "said", "named")
    how_bad = columns.badge("severity", "Severity", **_TONES)
    since = columns.moment("opened_at", "Since")
    seen = columns.moment("seen_at", "Last found so")
    over = columns.moment("resolved_at", "Over", otherwise="not over")
    first = columns.exact("first_at", "For the first time")
    told_last = columns.moment("told_at", "Last told", otherwise="nobody was told")
    measured = columns.json("evidence", "Evidence")

    @display(description="State")
    def state_told(self, row: Alert) -> SafeString:
        is_muted = row.muted_until and row.muted_until > timezone.now()
        muted = format_html("muted, ends {}", formatting.moment(row.muted_until)) if is_muted else ""
        by = f"by {row.acknowledged_by}" if row.state == Alert.State.ACKNOWLEDGED else ""
        badge = formatting.badge(row.state, tone="held" if by else "")
        return format_html('<div>{}<span class="jg-note">{} {}</span></div>', badge, by, muted)

    @display(description="Occurrences")
    def often(self, row: Alert) -> str:
        return f"{row.occurrences:,}"

    @display(description="Acknowledged")
    def acknowledged(self, row: Alert) -> SafeString | str:
        if not row.acknowledged_at:
            return formatting.NOTHING
        moment = formatting.moment(row.acknowledged_at)
        return format_html("{} by {}: {}", moment, row.acknowledged_by, row.acknowledged_why)

    @display(description="Muted")
    def muted(self, row: Alert) -> SafeString | str:
        if not row.muted_until:
            return formatting.NOTHING
        until = formatting.exact_moment(row.muted_until)
        return format_html("until {} by {}: {}", until, row.muted_by, row.muted_why)

    def page_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {
            "title": str(row),
            "alert": row,
            "how_bad": formatting.badge(row.severity, tone=_TONES[row.severity]),
            "state_told": self.state_told(row),
            "messages_told": [
                message | {"badge": formatting.badge(message["state"], tone=_SENT.get(message["state"], ""))}
                for message in selectors.messages(row.pk)
            ],
            "messages_shown": selectors.MESSAGES_SHOWN,
        }

    # --------------------------------------------------------------------------------- the verbs

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons that would change something."""
        row = self.row_of(request, object_id)
        is_muted = bool(row and row.muted_until and row.muted_until > timezone.now())
        useless = set() if row and row.state == Alert.State.OPEN else {"acknowledge"}
        useless |= set() if is_muted else {"unmute"}
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.path not in useless]

    @admin.action(description="Acknowledge", permissions=["act"])
    def acknowledge_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, alert_actions.ACKNOWLEDGE)

    @admin.action(description="Mute", permissions=["act"])
    def mute_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, alert_actions.MUTE)

    @admin.action(description="Unmute", permissions=["act"])
    def unmute_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, alert_actions.UNMUTE)

    @action(
        description="Acknowledge", permissions=["act"], url_path="acknowledge", icon="task_alt",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def acknowledge_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, alert_actions.ACKNOWLEDGE)

    @action(description="Mute", permissions=["act"], url_path="mute", icon="notifications_off")
    def mute_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, alert_actions.MUTE)

    @action(description="Unmute", permissions=["act"], url_path="unmute", icon="notifications_active")
    def unmute_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, alert_actions.UNMUTE)
