"""Tasks in the console: the list, the page of one, and the verbs as bulk actions and as buttons."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance.models import Task
from governance.units import words
from juggernaut.console import formatting
from juggernaut.console.actions import bulk
from juggernaut.console.actions.rows import BulkActionMixin
from juggernaut.console.lists import columns, filters, search
from juggernaut.console.pages.tasks import task_costs, task_form, task_page

# Everything the list shows. Payloads and results may be a megabyte each and stay where they are.
_LISTED = (
    "title", "task_type", "status", "assigned_worker", "attempts", "max_attempts", "waiting_for",
    "error_message", "run_after", "created_at", "started_at", "completed_at",
)  # fmt: skip


_NOT_STARTED = {Task.Status.PENDING, Task.Status.PARKED, Task.Status.WAITING_APPROVAL}


@admin.register(Task)
class TaskAdmin(BulkActionMixin):
    needs = {
        "terminate": "governance.terminate_task",
        "cancel": "governance.cancel_task",
        "retry": "governance.retry_task",
    }
    list_display = ("what", "state", "kind", "worker", "runs", "took", "created", "note")
    list_filter = (filters.StatusFilter, filters.TypeFilter, filters.WorkerFilter, filters.CreatedFilter)
    list_filter_sheet = True
    ordering = ("-pk",)
    indexed = frozenset(
        {
            "created",
            "type",
            *(("status", str(status)) for status in Task.Status if status != Task.Status.COMPLETED),
        }
    )
    search_fields = ("title",)
    search_help_text = (
        f"An id, its first 8 digits or more, or a part of a title (newest {search.TITLES_SEARCHED:,} tasks)"
    )
    nothing_exists = (
        "There are no tasks yet. One that is submitted here, posted to /api/tasks, submitted with manage.py "
        "submit_task or inserted in SQL appears at once."
    )
    offered: tuple[bulk.BulkAction, ...] = (bulk.TERMINATE, bulk.CANCEL, bulk.RETRY)
    actions: tuple[str, ...] = ("terminate_chosen", "cancel_chosen", "retry_chosen")
    actions_detail: tuple[str, ...] = ("retry_this", "cancel_this", "terminate_this")
    change_form_template = "governance/task.html"
    fieldsets = ()

    add_says = "Submit a task"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(("governance.add_task", "governance.view_task"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return task_form.respond(self, request)

    # ---------------------------------------------------------------------------------- the list

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Task]":
        found: QuerySet[Task] = super().get_queryset(request)
        return found.only(*_LISTED) if self.is_list(request) else found

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Task]", search_term: str
    ) -> tuple["QuerySet[Task]", bool]:
        return (search.tasks(queryset, search_term), False) if search_term else (queryset, False)

    @display(description="Task")
    def what(self, task: Task) -> SafeString:
        return format_html(
            '<span class="jg-title">{}</span>{}', task.title or task.task_type, formatting.short_id(task.pk)
        )

    state = columns.badge("status", "Status")
    kind = columns.text("task_type", "Type")
    worker = columns.text("assigned_worker", "Worker")

    @columns.number("Attempts")
    def runs(self, task: Task) -> str:
        return f"{task.attempts} of {task.max_attempts}"

    @columns.number("Duration")
    def took(self, task: Task) -> str:
        if task.started_at is None or task.status in _NOT_STARTED:
            return formatting.NOTHING
        span = (task.completed_at or timezone.now()) - task.started_at
        milliseconds = span.total_seconds() * 1000
        return f"{milliseconds:.0f} ms" if 0 <= milliseconds < 1000 else words(span)

    created = columns.moment("created_at", "Created")

    @display(description="Note")
    def note(self, task: Task) -> SafeString:
        now = timezone.now()
        if task.status == Task.Status.PENDING and task.run_after > now:
            said = f"due in {words(task.run_after - now)}"
            said += f" after: {task.error_message}" if task.error_message else ""
        elif task.status in {Task.Status.PARKED, Task.Status.WAITING_APPROVAL} and task.waiting_for:
            said = f"waits for {task.waiting_for}"
        else:
            said = task.error_message
        return formatting.note(said)

    # ---------------------------------------------------------------------------- the page of one

    def page_of(self, request: HttpRequest, task: Task) -> dict[str, Any]:
        def may(model: str) -> bool:
            return bool(request.user.has_perm(f"governance.view_{model}"))

        money = task_costs.context(task, may=may)
        calls: Any = money.get("calls", ())
        known = task_page.context(task, calls=calls) | money
        return known | {"title": str(task.title or task.task_type)}

    # --------------------------------------------------------------------------------- the verbs

    @admin.action(description="Terminate", permissions=["terminate"])
    def terminate_chosen(self, request: HttpRequest, queryset: "QuerySet[Task]") -> HttpResponse | None:
        return self.many(request, queryset, bulk.TERMINATE)

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel_chosen(self, request: HttpRequest, queryset: "QuerySet[Task]") -> HttpResponse | None:
        return self.many(request, queryset, bulk.CANCEL)

    @admin.action(description="Retry", permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, queryset: "QuerySet[Task]") -> HttpResponse | None:
        return self.many(request, queryset, bulk.RETRY)

    @action(
        description="Terminate", permissions=["terminate"], url_path="terminate",
        icon="dangerous", variant=ActionVariant.DANGER,
    )  # fmt: skip
    def terminate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, bulk.TERMINATE)

    @action(description="Cancel", permissions=["cancel"], url_path="cancel", icon="block")
    def cancel_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, bulk.CANCEL)

    @action(
        description="Retry",
        permissions=["retry"],
        url_path="retry",
        icon="replay",
        variant=ActionVariant.PRIMARY,
    )
    def retry_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, bulk.RETRY)
