"""Dead letters in the console: the list, the page of one, retry and resolve."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import F, Func, IntegerField, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance import looks
from governance.admin import verbs
from governance.admin.rows import MachineRows
from governance.errors import InvalidFilter
from governance.models import DeadLetter
from reliability.admin import letter_page, letter_search, letter_verbs

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
class DeadLetterAdmin(MachineRows):
    list_display = ("what", "state", "of_task", "why", "worker", "runs", "created")
    list_filter = letter_search.FILTERS
    list_filter_sheet = True
    ordering = ("-pk",)
    search_fields = ("failure_reason",)
    search_help_text = (
        "An id of a letter or a task, its first 8 digits or more, or a part of an error "
        f"(newest {letter_search.ERRORS_SEARCHED:,} letters)"
    )
    nothing_exists = "No task has ever failed for good, so nothing waits for a person."
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
                    ("error_type", "burnt"),
                    ("created_exactly", "failed_exactly"),
                )
            },
        ),
        ("The task as it failed", {"fields": ("snapshot_json",)}),
    )

    # ---------------------------------------------------------------------------------- the list

    def get_queryset(self, request: HttpRequest) -> "QuerySet[DeadLetter]":
        found: QuerySet[DeadLetter] = super().get_queryset(request).select_related("task")
        where = request.resolver_match
        if where is None or where.url_name != "governance_deadletter_changelist":
            return found
        return found.only(*_LISTED).annotate(run_count=Length(F("attempts")))

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[DeadLetter]", search_term: str
    ) -> tuple["QuerySet[DeadLetter]", bool]:
        return (
            (letter_search.letters(queryset, search_term), False)
            if search_term.strip()
            else (queryset, False)
        )

    @display(description="Failure")
    def what(self, letter: DeadLetter) -> SafeString:
        return format_html(
            '<div><span class="jg-title">{}</span><span class="jg-id">{}</span></div>',
            looks.clip(letter.failure_reason, length=160) or "no reason given",
            letter.pk,
        )

    @display(description="Status")
    def state(self, letter: DeadLetter) -> SafeString:
        return looks.badge(letter.status)

    @display(description="Task")
    def of_task(self, letter: DeadLetter) -> SafeString:
        return format_html(
            '<div><a class="jg-link" href="{}">{}</a><span class="jg-note">{}</span></div>',
            reverse("admin:governance_task_change", args=[letter.task_id]),
            looks.clip(letter.task.title or str(letter.task_id), length=60),
            letter.task_type,
        )

    @display(description="Cause")
    def why(self, letter: DeadLetter) -> str:
        return DeadLetter.Cause(letter.cause).label.lower()

    @display(description="Worker")
    def worker(self, letter: DeadLetter) -> str:
        return letter.worker_id or looks.NOTHING

    @display(description="Runs")
    def runs(self, letter: Any) -> SafeString:
        again = f"retried {letter.retries}×" if letter.retries else ""
        return format_html('<div>{}<span class="jg-note">{}</span></div>', letter.run_count, again)

    @display(description="Created")
    def created(self, letter: DeadLetter) -> SafeString | str:
        return looks.moment(letter.created_at)

    # ---------------------------------------------------------------------------- the page of one

    def get_readonly_fields(self, request: HttpRequest, obj: DeadLetter | None = None) -> tuple[str, ...]:
        return (
            "the_task", "task_type", "why", "worker", "tool", "called_service", "error_type", "burnt",
            "created_exactly", "failed_exactly", "snapshot_json",
        )  # fmt: skip

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        letter = self.get_object(request, object_id)
        known = letter_page.context(letter) if letter and self.has_view_permission(request, letter) else {}
        shown: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | known)
        return shown

    @display(description="Task")
    def the_task(self, letter: DeadLetter) -> SafeString:
        return format_html(
            '<a class="jg-link" href="{}">{}</a> {}',
            reverse("admin:governance_task_change", args=[letter.task_id]),
            letter.task.title or letter.task_id,
            looks.badge(letter.task.status),
        )

    @display(description="Tool")
    def tool(self, letter: DeadLetter) -> str:
        return letter.tool_name or looks.NOTHING

    @display(description="Service")
    def called_service(self, letter: DeadLetter) -> str:
        return letter.service or looks.NOTHING

    @display(description="Kind of error")
    def error_type(self, letter: DeadLetter) -> str:
        return letter.error_class or looks.NOTHING

    @display(description="Money burnt")
    def burnt(self, letter: DeadLetter) -> str:
        return looks.money(letter.cost_usd) if letter.cost_usd else "none recorded"

    @display(description="Created")
    def created_exactly(self, letter: DeadLetter) -> SafeString | str:
        return looks.exact_moment(letter.created_at)

    @display(description="Failed last")
    def failed_exactly(self, letter: DeadLetter) -> SafeString | str:
        return looks.exact_moment(letter.failed_at)

    @display(description="Snapshot")
    def snapshot_json(self, letter: DeadLetter) -> SafeString | str:
        return looks.json_text(letter.snapshot)

    # --------------------------------------------------------------------------------- the verbs

    def has_retry_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("governance.retry_deadletter")

    def has_resolve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("governance.resolve_deadletter")

    @admin.action(description="Retry", permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, queryset: "QuerySet[DeadLetter]") -> HttpResponse | None:
        """Chosen ones at once; all that match as a redrive, which has no limit and can be stopped."""
        if request.POST.get("select_across") != "1":
            return self._many(request, queryset, letter_verbs.RETRY)
        try:
            asked = letter_search.asked(request)
        except InvalidFilter as invalid:
            return self._refuse(request, str(invalid))
        if asked is None:
            return self._many(request, queryset, letter_verbs.RETRY)
        if not asked.said:
            return self._refuse(
                request, "Filter or search first: without one, every dead letter would be meant."
            )
        address = reverse("admin:reliability_redrive_add")
        return HttpResponseRedirect(f"{address}?{urlencode(asked.said, doseq=True)}")

    @admin.action(description="Resolve", permissions=["resolve"])
    def resolve_chosen(self, request: HttpRequest, queryset: "QuerySet[DeadLetter]") -> HttpResponse | None:
        return self._many(request, queryset, letter_verbs.RESOLVE)

    @action(
        description="Retry", permissions=["retry"], url_path="retry", icon="replay",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def retry_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, letter_verbs.RETRY)

    @action(description="Resolve", permissions=["resolve"], url_path="resolve", icon="task_alt")
    def resolve_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, letter_verbs.RESOLVE)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons of the verbs that would move the letter as it is now."""
        letter = self.get_object(request, object_id)
        every = (letter_verbs.RETRY, letter_verbs.RESOLVE)
        able = {verb.name for verb in every if letter and letter.status in verb.moves}
        return [button for button in super().get_actions_detail(request, object_id) if button.path in able]

    def _many(
        self, request: HttpRequest, chosen: "QuerySet[DeadLetter]", verb: verbs.Verb
    ) -> HttpResponse | None:
        return verbs.ask_or_do(self, request, chosen, verb, back=request.get_full_path())

    def _one(self, request: HttpRequest, object_id: str, verb: verbs.Verb) -> HttpResponse:
        letter = self.get_object(request, object_id)
        if letter is None or not self.has_view_permission(request, letter):
            raise Http404(f"no dead letter has the id {object_id}")
        page = reverse("admin:governance_deadletter_change", args=[letter.pk])
        chosen = DeadLetter.objects.filter(pk=letter.pk)
        return verbs.ask_or_do(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)

    def _refuse(self, request: HttpRequest, why: str) -> HttpResponse:
        messages.error(request, why)
        return HttpResponseRedirect(request.get_full_path())
