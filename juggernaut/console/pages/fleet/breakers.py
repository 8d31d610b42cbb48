"""Circuit breakers in the console: how each stands, what happened to it, and the verbs."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from juggernaut.console import formatting
from juggernaut.console.actions.rows import AdminActionMixin
from juggernaut.console.lists import columns, filters
from juggernaut.console.lists.read_only import BoundedChangeList
from juggernaut.console.pages.fleet import breaker_actions
from reliability.breakers import status
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent, Mode, State
from reliability.breakers.services import PERMISSION

EVENTS_SHOWN = 100


class BreakerList(BoundedChangeList):
    """Asks Redis how the breakers on the page stand."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        standings = status.of_all()
        for row in rows:
            row.standing = standings.get(row.name)
        self.result_list: list[Any] = rows


@admin.register(CircuitBreaker)
class BreakerAdmin(AdminActionMixin):
    needs = {"act": PERMISSION}
    list_display = ("name", "state_told", "mode_told", "failures", "probe", "settings_told")
    list_filter = (filters.choice("state", State.values), filters.choice("mode", Mode.values))
    list_filter_sheet = True
    ordering = ("name",)
    search_fields = ("name",)
    search_help_text = "A part of the name of a service or a model"
    nothing_exists = "No service has been called yet. Each gets its breaker with its first call."
    actions = ("reset_chosen", "force_open_chosen", "disable_chosen", "shadow_chosen", "restore_chosen")
    actions_detail = (
        "reset_this",
        "set_this",
        "force_open_this",
        "disable_this",
        "shadow_this",
        "restore_this",
    )
    change_form_outer_before_template = "reliability/breaker_state.html"
    change_form_outer_after_template = "reliability/breaker_events.html"
    fieldsets = (
        (
            "Settings",
            {
                "fields": (
                    ("failure_threshold", "failure_rate"),
                    ("min_calls", "window_seconds"),
                    ("reset_timeout", "max_wait_seconds"),
                    ("half_open_probes", "probe_lease_seconds"),
                )
            },
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BreakerList

    @display(description="State")
    def state_told(self, row: Any) -> SafeString:
        standing = _standing(row)
        cause = standing["cause"] if standing["state"] != "closed" else ""
        unsure = "" if standing["source"] == "redis" else " (last known)"
        return format_html(
            '<div>{}<span class="jg-note">{}{}</span></div>',
            formatting.badge(standing["state"]),
            formatting.clip(cause),
            unsure,
        )

    @display(description="Mode")
    def mode_told(self, row: Any) -> SafeString | str:
        standing = _standing(row)
        if standing["mode"] == Mode.NORMAL:
            return "normal"
        until = (
            format_html("until {}", formatting.moment(standing["mode_until"]))
            if standing["mode_until"]
            else ""
        )
        return format_html(
            '<div>{}<span class="jg-note">{} by {}: {}</span></div>',
            formatting.badge(standing["mode"]),
            until,
            standing["mode_by"],
            formatting.clip(standing["mode_reason"]),
        )

    @display(description="Failures")
    def failures(self, row: Any) -> SafeString | str:
        standing = _standing(row)
        if standing["calls"] is None:
            return "not known: Redis has not met it, or is away"
        return format_html(
            '<div>{}<span class="jg-note">{} of {} calls, {} in a row</span></div>',
            f"{standing['failure_rate']:.0%}",
            f"{standing['failures']:,}",
            f"{standing['calls']:,}",
            f"{standing['failure_count']:,}",
        )

    @display(description="Next probe")
    def probe(self, row: Any) -> SafeString | str:
        standing = _standing(row)
        if standing["state"] == "open":
            return (
                formatting.moment(standing["next_probe_at"])
                if standing["next_probe_at"]
                else "when somebody acts"
            )
        return (
            f"{standing['probes_under_way'] or 0} under way"
            if standing["state"] == "half_open"
            else formatting.NOTHING
        )

    @display(description="Opens after")
    def settings_told(self, row: CircuitBreaker) -> SafeString:
        said = (
            f"{row.failure_threshold} failures in a row, or {row.failure_rate:.0%} of {row.min_calls} "
            f"calls or more in {row.window_seconds:g} s; probes after {row.reset_timeout:g} s"
        )
        return format_html('<span class="jg-note">{}</span>', said)

    # ---------------------------------------------------------------------------- the page of one

    def page_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        events = CircuitBreakerEvent.objects.filter(breaker=row.name).order_by("-created_at", "-pk")
        row.standing = status.of_all().get(row.name)
        return {
            "title": row.name,
            "state_told": self.state_told(row),
            "facts": [
                ("Mode", self.mode_told(row)),
                ("Failures", self.failures(row)),
                ("Next probe", self.probe(row)),
            ],
            "events": list(events[:EVENTS_SHOWN]),
            "events_shown": EVENTS_SHOWN,
        }

    opened = columns.exact("opened_at", "Opened")

    # --------------------------------------------------------------------------------- the verbs

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Restoring what is in its normal mode would do nothing."""
        row = self.row_of(request, object_id)
        useless = {"restore"} if row is None or row.mode == Mode.NORMAL else set()
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.path not in useless]

    @admin.action(description="Reset", permissions=["act"])
    def reset_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, breaker_actions.RESET)

    @admin.action(description="Force open", permissions=["act"])
    def force_open_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, breaker_actions.FORCE_OPEN)

    @admin.action(description="Disable until", permissions=["act"])
    def disable_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, breaker_actions.DISABLE)

    @admin.action(description="Watch only (shadow)", permissions=["act"])
    def shadow_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, breaker_actions.SHADOW)

    @admin.action(description="Restore", permissions=["act"])
    def restore_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.do_many(request, queryset, breaker_actions.RESTORE)

    @action(
        description="Reset", permissions=["act"], url_path="reset", icon="restart_alt",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def reset_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, breaker_actions.RESET)

    @action(description="Settings", permissions=["act"], url_path="settings", icon="tune")
    def set_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, breaker_actions.SET)

    @action(
        description="Force open", permissions=["act"], url_path="force-open", icon="block",
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def force_open_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, breaker_actions.FORCE_OPEN)

    @action(description="Disable until", permissions=["act"], url_path="disable", icon="timer_off")
    def disable_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, breaker_actions.DISABLE)

    @action(description="Watch only", permissions=["act"], url_path="shadow", icon="visibility")
    def shadow_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, breaker_actions.SHADOW)

    @action(description="Restore", permissions=["act"], url_path="restore", icon="settings_backup_restore")
    def restore_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, breaker_actions.RESTORE)


def _standing(row: Any) -> dict[str, Any]:
    """How it stood when the page was made. A row that came since is as its columns say."""
    known = getattr(row, "standing", None)
    if known:
        return dict(known)
    names = ("state", "cause", "mode", "mode_until", "mode_by", "mode_reason")
    unknown = {"calls": None, "next_probe_at": row.retry_at, "probes_under_way": None, "source": "row"}
    return {name: getattr(row, name) for name in names} | unknown
