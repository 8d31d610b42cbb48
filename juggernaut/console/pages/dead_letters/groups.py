"""Groups of failures in the console: where an operator begins, and what can be done to a whole group."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance.models import FailureSignature
from juggernaut.console import formatting
from juggernaut.console.actions import bulk
from juggernaut.console.lists import columns, filters
from juggernaut.console.lists.read_only import BoundedChangeList, ReadOnlyAdmin
from juggernaut.console.pages.dead_letters import dead_letter_actions, group_page, trends, triage_page

_OPEN = Q(pending__gt=0) | Q(retrying__gt=0)


class LettersFilter(filters.PresetFilter):
    title = "letters"
    parameter_name = "letters"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        return [("open", "with open letters"), ("all", "all, resolved ones too")]

    def queryset(
        self, request: HttpRequest, queryset: "QuerySet[FailureSignature]"
    ) -> "QuerySet[FailureSignature]":
        return queryset if self.value() == "all" else queryset.filter(_OPEN)


class TriageFilter(filters.PresetFilter):
    title = "triage"
    parameter_name = "triage"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        states = [(state.value, state.value) for state in FailureSignature.Triage]
        return [("seen", "not ignored"), *states, ("all", "all")]

    def queryset(
        self, request: HttpRequest, queryset: "QuerySet[FailureSignature]"
    ) -> "QuerySet[FailureSignature]":
        if self.value() in FailureSignature.Triage.values:
            return queryset.filter(triage=self.value())
        return queryset if self.value() == "all" else queryset.exclude(triage=FailureSignature.Triage.IGNORED)


class TypeFilter(filters.TypeFilter):
    title = "task type"


class GroupList(BoundedChangeList):
    """Fetches the trends of the groups on the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        groups: list[Any] = list(self.result_list)
        drawn = trends.of((group.pk for group in groups), now=timezone.now())
        for group in groups:
            group.trend = drawn[group.pk]
        self.result_list: list[Any] = groups


@admin.register(FailureSignature)
class GroupAdmin(ReadOnlyAdmin):
    needs = {
        "retry": "governance.retry_deadletter",
        "resolve": "governance.resolve_deadletter",
        "triage": "governance.triage_failuresignature",
    }
    list_display = ("what", "state", "letters", "trend", "seen", "cost", "past_retries")
    list_filter = (LettersFilter, TriageFilter, TypeFilter)
    list_filter_sheet = True
    ordering = ("-last_seen", "-pk")
    search_fields = ("failure_reason",)
    search_help_text = "A part of what the failures have in common"
    nothing_exists = (
        "No failure waits for a person: every dead letter is resolved or in a group that is ignored. "
        "Those are behind Filters."
    )
    actions_detail = ("retry_group", "resolve_group", "triage_group")
    change_form_outer_before_template = "reliability/group_state.html"
    change_form_outer_after_template = "reliability/group_letters.html"
    fieldsets = (
        (
            "What they have in common",
            {
                "fields": (
                    ("task_type", "error_type"),
                    ("tool", "called_service"),
                    ("by_workers", "cost"),
                    ("first_exactly", "last_exactly"),
                )
            },
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return GroupList

    # ---------------------------------------------------------------------------------- the list

    @display(description="Failure")
    def what(self, group: FailureSignature) -> SafeString:
        where = (group.task_type, group.tool_name, group.service, group.error_class)
        return format_html(
            '<div><span class="jg-title">{}</span><span class="jg-note">{}</span>'
            '<span class="jg-note">{}</span></div>',
            formatting.clip(group.failure_reason, length=160) or "no reason given",
            " · ".join(part for part in where if part),
            ", ".join(group.workers),
        )

    @display(description="Triage")
    def state(self, group: FailureSignature) -> SafeString:
        return format_html(
            '<div>{}<span class="jg-note">{}</span></div>',
            formatting.badge(group.triage),
            formatting.clip(group.note, length=60),
        )

    @display(description="Dead letters")
    def letters(self, group: FailureSignature) -> SafeString:
        rest = (f"{group.retrying:,} retrying", f"{group.resolved:,} resolved")
        return format_html(
            '<div><span class="jg-count">{}</span> pending<span class="jg-note">{}</span></div>',
            f"{group.pending:,}",
            ", ".join(part for part in rest if not part.startswith("0 ")),
        )

    @display(description="Last 24 h")
    def trend(self, group: Any) -> SafeString:
        return format_html(
            '<div>{}<span class="jg-note">{}</span></div>', group.trend.drawn(), f"{group.trend.total:,}"
        )

    @display(description="Seen")
    def seen(self, group: FailureSignature) -> SafeString:
        return format_html(
            '<div>{}<span class="jg-note">first {}</span></div>',
            formatting.moment(group.last_seen),
            formatting.moment(group.first_seen),
        )

    @columns.number("Cost")
    def cost(self, group: FailureSignature) -> str:
        return formatting.money(group.cost_usd) if group.cost_usd else formatting.NOTHING

    @display(description="Retry success")
    def past_retries(self, group: FailureSignature) -> str:
        return group_page.past_retries(group)

    # ---------------------------------------------------------------------------- the page of one

    def page_of(self, request: HttpRequest, group: FailureSignature) -> dict[str, Any]:
        return group_page.context(group, now=timezone.now())

    error_type = columns.text("error_class", "Kind of error")
    tool = columns.text("tool_name", "Tool")
    called_service = columns.text("service", "Service")
    first_exactly = columns.exact("first_seen", "First seen")
    last_exactly = columns.exact("last_seen", "Last seen")

    @display(description="Affected workers")
    def by_workers(self, group: FailureSignature) -> str:
        return ", ".join(group.workers) or formatting.NOTHING

    # --------------------------------------------------------------------------------- the verbs

    @action(
        description="Retry all", permissions=["retry"], url_path="retry", icon="replay",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def retry_group(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the preview of a redrive."""
        group = self.found(request, object_id)
        address = reverse("admin:reliability_redrive_add")
        return HttpResponseRedirect(f"{address}?signature={group.pk}")

    @action(description="Resolve all", permissions=["resolve"], url_path="resolve", icon="task_alt")
    def resolve_group(self, request: HttpRequest, object_id: str) -> HttpResponse:
        group = self.found(request, object_id)
        page = self.address(group)
        verb = dead_letter_actions.RESOLVE
        chosen = group.letters.filter(status__in=verb.moves)
        return bulk.confirm_or_run(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)

    @action(description="Triage", permissions=["triage"], url_path="triage", icon="label")
    def triage_group(self, request: HttpRequest, object_id: str) -> HttpResponse:
        group = self.found(request, object_id)
        page = self.address(group)
        return triage_page.confirm_or_run(self, request, group, back=page) or HttpResponseRedirect(page)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons that would do something to the letters that there are."""
        group = self.row_of(request, object_id)
        useless = set()
        if group is None or not group.pending:
            useless.add("retry")
        if group is None or not group.pending + group.retrying:
            useless.add("resolve")
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.path not in useless]
