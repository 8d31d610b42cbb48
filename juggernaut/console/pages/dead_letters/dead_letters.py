"""Dead letters in the console: the list, the page of one, retry and resolve."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import F, Func, IntegerField, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance.errors import InvalidFilter
from governance.models import DeadLetter
from juggernaut.console import formatting
from juggernaut.console.actions.rows import BulkActionMixin
from juggernaut.console.lists import columns, search
from juggernaut.console.pages.dead_letters import dead_letter_actions, dead_letter_page, dead_letter_search

# Everything the list shows. Snapshots and attempts may be a megabyte each and stay where they are.
_LISTED = (
    "task_id", "task__title", "task_type", "status", "cause", "worker_id", "failure_reason", "retries",
    "created_at", "outcome",
)  # fmt: skip


class Length(Func):
    """How many elements a JSON list has, counted where it is stored."""

    function = "jsonb_array_length"
    output_field = IntegerField()


@admin.register(DeadLetter)
class DeadLetterAdmin(BulkActionMixin):
    needs = {"retry": "governance.retry_deadletter", "resolve": "governance.resolve_deadletter"}
    list_display = ("what", "state", "of_task", "why", "worker", "runs", "created")
    list_filter = dead_letter_search.FILTERS
    list_filter_sheet = True
    ordering = ("-pk",)
    indexed = frozenset({"created", "signature", ("status", "pending"), ("status", "retrying")})
    search_fields = ("failure_reason",)
    search_help_text = (
        "An id of a letter or a task, its first 8 digits or more, or a part of an error "
        f"(newest {search.TITLES_SEARCHED:,} letters)"
    )
    nothing_exists = "No task has ever failed for good, so nothing waits for a person."
    offered = (dead_letter_actions.RETRY, dead_letter_actions.RESOLVE)
    actions = ("retry_chosen", "resolve_chosen")
    actions_detail = ("retry_this", "resolve_this")
    change_form_outer_before_template = "reliability/letter_state.html"
    change_form_outer_after_template = "reliability/letter_runs.html"
    fieldsets = (
        (
            "Dead letter",
            {
                "fields": (
                    ("the_task", "task_type"),
                    ("why", "worker"),
                    ("tool", "called_service"),
                    ("error_type", "cost"),
                    ("created_exactly", "failed_exactly"),
                )
            },
        ),
        ("The task as it failed", {"fields": ("snapshot_json",)}),
    )

    # ---------------------------------------------------------------------------------- the list

    def get_queryset(self, request: HttpRequest) -> "QuerySet[DeadLetter]":
        found: QuerySet[DeadLetter] = super().get_queryset(request).select_related("task")
        if not self.is_list(request):
            return found
        return found.only(*_LISTED).annotate(run_count=Length(F("attempts")))

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[DeadLetter]", search_term: str
    ) -> tuple["QuerySet[DeadLetter]", bool]:
        return (
            (dead_letter_search.dead_letters(queryset, search_term), False)
            if search_term.strip()
            else (queryset, False)
        )

    @display(description="Failure")
    def what(self, letter: DeadLetter) -> SafeString:
        return format_html(
            '<div><span class="jg-title">{}</span><span class="jg-id">{}</span></div>',
            formatting.clip(letter.failure_reason, length=160) or "no reason given",
            letter.pk,
        )

    state = columns.badge("status", "Status")
    worker = columns.text("worker_id", "Worker")
    created = columns.moment("created_at", "Created")

    @display(description="Task")
    def of_task(self, letter: DeadLetter) -> SafeString:
        return format_html(
            '<div><a class="jg-link" href="{}">{}</a><span class="jg-note">{}</span></div>',
            reverse("admin:governance_task_change", args=[letter.task_id]),
            formatting.clip(letter.task.title or str(letter.task_id), length=60),
            letter.task_type,
        )

    @display(description="Cause")
    def why(self, letter: DeadLetter) -> str:
        return DeadLetter.Cause(letter.cause).label.lower()

    @columns.number("Runs")
    def runs(self, letter: Any) -> SafeString:
        again = f"retried {letter.retries}×" if letter.retries else ""
        return format_html('<div>{}<span class="jg-note">{}</span></div>', letter.run_count, again)

    # ---------------------------------------------------------------------------- the page of one

    def page_of(self, request: HttpRequest, letter: DeadLetter) -> dict[str, Any]:
        return dead_letter_page.context(letter)

    tool = columns.text("tool_name", "Tool")
    called_service = columns.text("service", "Service")
    error_type = columns.text("error_class", "Kind of error")
    created_exactly = columns.exact("created_at", "Created")
    failed_exactly = columns.exact("failed_at", "Failed last")
    snapshot_json = columns.json("snapshot", "Snapshot")

    @display(description="Task")
    def the_task(self, letter: DeadLetter) -> SafeString:
        return format_html(
            '<a class="jg-link" href="{}">{}</a> {}',
            reverse("admin:governance_task_change", args=[letter.task_id]),
            letter.task.title or letter.task_id,
            formatting.badge(letter.task.status),
        )

    @display(description="Cost")
    def cost(self, letter: DeadLetter) -> str:
        return formatting.money(letter.cost_usd) if letter.cost_usd else "none recorded"

    # --------------------------------------------------------------------------------- the verbs

    @admin.action(description="Retry", permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, queryset: "QuerySet[DeadLetter]") -> HttpResponse | None:
        """Chosen ones at once; all that match as a redrive, which has no limit and can be stopped."""
        if request.POST.get("select_across") != "1":
            return self.many(request, queryset, dead_letter_actions.RETRY)
        try:
            asked = dead_letter_search.filters_of(request)
        except InvalidFilter as invalid:
            return self._refuse(request, str(invalid))
        if asked is None:
            return self.many(request, queryset, dead_letter_actions.RETRY)
        if not asked.said:
            return self._refuse(
                request, "Filter or search first: without one, every dead letter would be meant."
            )
        address = reverse("admin:reliability_redrive_add")
        return HttpResponseRedirect(f"{address}?{urlencode(asked.said, doseq=True)}")

    @admin.action(description="Resolve", permissions=["resolve"])
    def resolve_chosen(self, request: HttpRequest, queryset: "QuerySet[DeadLetter]") -> HttpResponse | None:
        return self.many(request, queryset, dead_letter_actions.RESOLVE)

    @action(
        description="Retry", permissions=["retry"], url_path="retry", icon="replay",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def retry_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, dead_letter_actions.RETRY)

    @action(description="Resolve", permissions=["resolve"], url_path="resolve", icon="task_alt")
    def resolve_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, dead_letter_actions.RESOLVE)

    def _refuse(self, request: HttpRequest, why: str) -> HttpResponse:
        messages.error(request, why)
        return HttpResponseRedirect(request.get_full_path())
