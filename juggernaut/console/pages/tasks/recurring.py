"""Recurring tasks in the console: when they are due, what came of it, pause and resume, add and change."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from governance.access import actors
from governance.models import RecurringRun, RecurringTask
from governance.schedules import selectors, services
from juggernaut.console import formatting
from juggernaut.console.actions.bulk import BulkAction, confirm_or_run
from juggernaut.console.lists.read_only import ReadOnlyAdmin
from juggernaut.console.pages.tasks.recurring_form import RecurringForm

RUNS_SHOWN = 50
Rows = QuerySet[RecurringTask]

PAUSE = BulkAction(
    "pause",
    "Paused",
    services.pause,
    (RecurringTask.Status.ACTIVE,),
    "A paused one submits nothing. What falls into the pause is not made up for.",
    is_destructive=False,
    noun="recurring task",
    known_by=("name", "kind"),
)
RESUME = BulkAction(
    "resume",
    "Resumed",
    services.resume,
    (RecurringTask.Status.PAUSED,),
    "It goes on at its next time.",
    is_destructive=False,
    noun="recurring task",
    known_by=("name", "kind"),
)


@admin.register(RecurringTask)
class RecurringAdmin(ReadOnlyAdmin):
    form = RecurringForm
    add_says = "Add a recurring task"
    list_display = ("what", "state", "when", "next_time", "last_time", "note")
    list_filter = ("status",)
    ordering = ("name",)
    search_fields = ("name",)
    nothing_exists = (
        "Nothing is submitted again and again. Add one here, with POST /api/recurring or with "
        "manage.py set_recurring."
    )
    actions = ("pause_chosen", "resume_chosen")
    actions_detail = ("pause_this", "resume_this")
    change_form_outer_before_template = "governance/recurring_state.html"
    change_form_outer_after_template = "governance/recurring_runs.html"
    fieldsets = (
        ("What", {"fields": ("name", "task")}),
        ("When", {"fields": (("cron", "timezone"), "every_seconds")}),
        ("If it is late", {"fields": (("overlap", "missed"), "max_catch_up")}),
        (None, {"fields": ("reason",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """All of it is written by people."""
        return ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms((services.ADD, "governance.add_task"))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perms((services.CHANGE, "governance.add_task"))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(services.REMOVE)

    def has_turn_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(services.CHANGE)

    # ------------------------------------------------------------------------------------ the verbs

    def save_model(self, request: HttpRequest, obj: RecurringTask, form: ModelForm, change: bool) -> None:
        assert isinstance(form, RecurringForm)
        actor, reason = actors.from_user(request.user), form.cleaned_data["reason"]
        if change:
            services.change(obj.pk, form.said(), actor=actor, reason=reason)
        else:
            obj.pk = services.create(form.said(), actor=actor, reason=reason).pk

    def delete_model(self, request: HttpRequest, obj: RecurringTask) -> None:
        services.remove(obj.pk, actor=actors.from_user(request.user), reason="removed in the console")

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[RecurringTask]") -> None:
        for row in queryset:
            self.delete_model(request, row)

    @admin.action(description="Pause", permissions=["turn"])
    def pause_chosen(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        return confirm_or_run(self, request, queryset, PAUSE, back=request.get_full_path())

    @admin.action(description="Resume", permissions=["turn"])
    def resume_chosen(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        return confirm_or_run(self, request, queryset, RESUME, back=request.get_full_path())

    @action(description="Pause", permissions=["turn"], url_path="pause", icon="pause")
    def pause_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._turn(request, object_id, PAUSE)

    @action(description="Resume", permissions=["turn"], url_path="resume", icon="play_arrow")
    def resume_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._turn(request, object_id, RESUME)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The one button that would change something."""
        row = self.get_object(request, object_id)
        other = "resume" if row and row.status == RecurringTask.Status.PAUSED else "pause"
        return [button for button in super().get_actions_detail(request, object_id) if button.path == other]

    def _turn(self, request: HttpRequest, object_id: str, verb: BulkAction) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise Http404(f"no recurring task has the id {object_id}")
        page = reverse("admin:governance_recurringtask_change", args=[row.pk])
        chosen = RecurringTask.objects.filter(pk=row.pk)
        return confirm_or_run(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)

    # ------------------------------------------------------------------------------------ the pages

    def get_queryset(self, request: HttpRequest) -> "QuerySet[RecurringTask]":
        last = RecurringRun.objects.filter(recurring=OuterRef("pk")).order_by("-slot")
        found: QuerySet[RecurringTask] = super().get_queryset(request)
        return found.annotate(
            last_outcome=Subquery(last.values("outcome")[:1]), last_slot=Subquery(last.values("slot")[:1])
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id) if object_id else None
        known: dict[str, Any] = {}
        if row and self.has_view_permission(request, row):
            runs = list(RecurringRun.objects.filter(recurring=row).order_by("-slot")[: RUNS_SHOWN + 1])
            known = {
                "recurring": row,
                "next_runs": selectors.next_runs(row),
                "runs": runs[:RUNS_SHOWN],
                "is_cut": len(runs) > RUNS_SHOWN,
            }
        return super().changeform_view(request, object_id, form_url, (extra_context or {}) | known)

    @display(description="Recurring task")
    def what(self, row: RecurringTask) -> SafeString:
        kind = row.task.get("task_type", "")
        return format_html('<span class="jg-title">{}</span><span class="jg-note">{}</span>', row.name, kind)

    @display(description="Status")
    def state(self, row: RecurringTask) -> SafeString:
        return formatting.badge(row.status)

    @display(description="When")
    def when(self, row: RecurringTask) -> SafeString:
        said = (row.cron, row.timezone) if row.cron else (f"every {row.every_seconds:,} s", "")
        return format_html_join("", '<span class="jg-note">{}</span>', ([word] for word in said if word))

    @display(description="Next")
    def next_time(self, row: RecurringTask) -> SafeString | str:
        return formatting.moment(row.next_run_at)

    @display(description="Last")
    def last_time(self, row: Any) -> SafeString | str:
        if row.last_slot is None:
            return formatting.NOTHING
        return format_html("{} {}", formatting.badge(row.last_outcome), formatting.moment(row.last_slot))

    @display(description="Note")
    def note(self, row: RecurringTask) -> SafeString:
        return format_html(
            '<span class="jg-note" title="{}">{}</span>', row.problem, formatting.clip(row.problem)
        )
