"""Tasks in the console: the list, the page of one, and the verbs as bulk actions and as buttons."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance import looks
from governance.admin import filters, search, task_page, verbs
from governance.admin.rows import MachineRows
from governance.durations import words
from governance.models import Task

# Everything the list shows. Payloads and results may be a megabyte each and stay where they are.
_LISTED = (
    "title", "task_type", "status", "assigned_worker", "attempts", "max_attempts", "waiting_for",
    "error_message", "run_after", "created_at", "started_at", "completed_at",
)  # fmt: skip


_NOT_STARTED = {Task.Status.PENDING, Task.Status.PARKED, Task.Status.WAITING_APPROVAL}


@admin.register(Task)
class TaskAdmin(MachineRows):
    list_display = ("what", "state", "task_type", "assigned_worker", "runs", "took", "created", "note")
    list_filter = (filters.StatusFilter, filters.TypeFilter, filters.WorkerFilter, filters.CreatedFilter)
    list_filter_sheet = True
    ordering = ("-pk",)
    search_fields = ("title",)
    search_help_text = (
        f"An id, its first 8 digits or more, or a part of a title (newest {search.TITLES_SEARCHED:,} tasks)"
    )
    nothing_exists = (
        "There are no tasks yet. One that is posted to /api/tasks, submitted with manage.py submit_task or "
        "inserted in SQL appears here at once."
    )
    offered: tuple[verbs.Verb, ...] = (verbs.TERMINATE, verbs.CANCEL, verbs.RETRY)
    actions: tuple[str, ...] = ("terminate_chosen", "cancel_chosen", "retry_chosen")
    actions_detail: tuple[str, ...] = ("retry_this", "cancel_this", "terminate_this")
    change_form_outer_before_template = "governance/task_state.html"
    change_form_outer_after_template = "governance/task_relations.html"
    fieldsets = (
        (
            "Task",
            {
                "fields": (
                    ("task_type", "assigned_worker"),
                    ("created_by", "created_exactly"),
                    ("priority", "parent_task"),
                    ("idempotency_key", "max_cost_usd"),
                )
            },
        ),
        (
            "Runs",
            {
                "fields": (
                    ("attempts_told", "timeout_told"),
                    ("started_exactly", "ended_exactly"),
                    ("due_exactly", "deadline_exactly"),
                    "waits_for",
                )
            },
        ),
        ("Data", {"fields": ("payload_json", "result_json")}),
    )

    # ---------------------------------------------------------------------------------- the list

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Task]":
        found: QuerySet[Task] = super().get_queryset(request)
        is_list = request.resolver_match and request.resolver_match.url_name == "governance_task_changelist"
        return found.only(*_LISTED) if is_list else found

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Task]", search_term: str
    ) -> tuple["QuerySet[Task]", bool]:
        return (search.tasks(queryset, search_term), False) if search_term else (queryset, False)

    @display(description="Task")
    def what(self, task: Task) -> SafeString:
        return format_html(
            '<span class="jg-title">{}</span><span class="jg-id">{}</span>',
            task.title or task.task_type,
            task.pk,
        )

    @display(description="Status")
    def state(self, task: Task) -> SafeString:
        return looks.badge(task.status)

    @display(description="Attempts")
    def runs(self, task: Task) -> str:
        return f"{task.attempts} of {task.max_attempts}"

    @display(description="Took")
    def took(self, task: Task) -> str:
        if task.started_at is None or task.status in _NOT_STARTED:
            return looks.NOTHING
        span = (task.completed_at or timezone.now()) - task.started_at
        milliseconds = span.total_seconds() * 1000
        return f"{milliseconds:.0f} ms" if 0 <= milliseconds < 1000 else words(span)

    @display(description="Created")
    def created(self, task: Task) -> SafeString | str:
        return looks.moment(task.created_at)

    @display(description="Note")
    def note(self, task: Task) -> SafeString | str:
        now = timezone.now()
        if task.status == Task.Status.PENDING and task.run_after > now:
            said = f"due in {words(task.run_after - now)}"
            said += f" after: {task.error_message}" if task.error_message else ""
        elif task.status in {Task.Status.PARKED, Task.Status.WAITING_APPROVAL} and task.waiting_for:
            said = f"waits for {task.waiting_for}"
        else:
            said = task.error_message
        return format_html('<span class="jg-note" title="{}">{}</span>', said[:1000], looks.clip(said))

    # ---------------------------------------------------------------------------- the page of one

    def get_readonly_fields(self, request: HttpRequest, obj: Task | None = None) -> tuple[str, ...]:
        return tuple(
            field for _, options in self.fieldsets for row in options["fields"] for field in _names(row)
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        task = self.get_object(request, object_id)
        known = task_page.context(task) if task and self.has_view_permission(request, task) else {}
        title = {"title": str(task.title or task.task_type)} if task else {}
        context = (extra_context or {}) | known | title
        shown: HttpResponse = super().change_view(request, object_id, form_url, context)
        return shown

    @display(description="Parent")
    def parent_task(self, task: Task) -> SafeString | str:
        if task.parent_id is None:
            return looks.NOTHING
        address = reverse("admin:governance_task_change", args=[task.parent_id])
        return format_html('<a class="jg-link" href="{}">{}</a>', address, task.parent_id)

    @display(description="Attempts")
    def attempts_told(self, task: Task) -> str:
        return (
            f"{task.attempts} started: {task.error_attempts} of {task.max_attempts} ended in an error, "
            f"{task.crash_attempts} of 3 in a crash"
        )

    @display(description="Created at")
    def created_exactly(self, task: Task) -> SafeString | str:
        return looks.exact_moment(task.created_at)

    @display(description="Current attempt started")
    def started_exactly(self, task: Task) -> SafeString | str:
        return looks.exact_moment(task.started_at)

    @display(description="Ended")
    def ended_exactly(self, task: Task) -> SafeString | str:
        return looks.exact_moment(task.completed_at)

    @display(description="Not before")
    def due_exactly(self, task: Task) -> SafeString | str:
        return looks.exact_moment(task.run_after)

    @display(description="Deadline")
    def deadline_exactly(self, task: Task) -> SafeString | str:
        return looks.exact_moment(task.deadline)

    @display(description="Waits for")
    def waits_for(self, task: Task) -> str:
        return task.waiting_for or looks.NOTHING

    @display(description="Time for one attempt")
    def timeout_told(self, task: Task) -> str:
        return f"{task.timeout_seconds:,} s"

    @display(description="Payload")
    def payload_json(self, task: Task) -> SafeString | str:
        return looks.json_text(task.payload)

    @display(description="Result")
    def result_json(self, task: Task) -> SafeString | str:
        return looks.json_text(task.result)

    # --------------------------------------------------------------------------------- the verbs

    def has_terminate_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("governance.terminate_task")

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("governance.cancel_task")

    def has_retry_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("governance.retry_task")

    @admin.action(description="Terminate", permissions=["terminate"])
    def terminate_chosen(self, request: HttpRequest, queryset: "QuerySet[Task]") -> HttpResponse | None:
        return self._many(request, queryset, verbs.TERMINATE)

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel_chosen(self, request: HttpRequest, queryset: "QuerySet[Task]") -> HttpResponse | None:
        return self._many(request, queryset, verbs.CANCEL)

    @admin.action(description="Retry", permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, queryset: "QuerySet[Task]") -> HttpResponse | None:
        return self._many(request, queryset, verbs.RETRY)

    @action(
        description="Terminate", permissions=["terminate"], url_path="terminate",
        icon="dangerous", variant=ActionVariant.DANGER,
    )  # fmt: skip
    def terminate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, verbs.TERMINATE)

    @action(description="Cancel", permissions=["cancel"], url_path="cancel", icon="block")
    def cancel_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, verbs.CANCEL)

    @action(
        description="Retry",
        permissions=["retry"],
        url_path="retry",
        icon="replay",
        variant=ActionVariant.PRIMARY,
    )
    def retry_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, verbs.RETRY)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons of the verbs that would move the task as it is now."""
        task = self.get_object(request, object_id)
        able = {verb.name for verb in self.offered if task and task.status in verb.moves}
        return [button for button in super().get_actions_detail(request, object_id) if button.path in able]

    def _many(self, request: HttpRequest, chosen: "QuerySet[Task]", verb: verbs.Verb) -> HttpResponse | None:
        return verbs.ask_or_do(self, request, chosen, verb, back=request.get_full_path())

    def _one(self, request: HttpRequest, object_id: str, verb: verbs.Verb) -> HttpResponse:
        task = self.get_object(request, object_id)
        if task is None or not self.has_view_permission(request, task):
            raise Http404(f"no task has the id {object_id}")
        page = reverse("admin:governance_task_change", args=[task.pk])
        chosen = Task.objects.filter(pk=task.pk)
        return verbs.ask_or_do(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)


def _names(row: object) -> tuple[str, ...]:
    return row if isinstance(row, tuple) else (str(row),)
