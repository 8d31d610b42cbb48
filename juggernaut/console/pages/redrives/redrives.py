"""Redrives in the console: the list, asking for one, watching it, and stopping it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from juggernaut.console import formatting
from juggernaut.console.actions.rows import BulkActionMixin
from juggernaut.console.lists import columns, filters
from juggernaut.console.lists.read_only import BoundedChangeList
from juggernaut.console.pages.redrives import redrive_actions, redrive_form, redrive_page
from reliability.models import Redrive

VIEW = "governance.view_deadletter"
RETRY = "governance.retry_deadletter"


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        return [(state.value, state.value) for state in Redrive.State]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(state=self.value()) if self.value() else queryset


class RedriveList(BoundedChangeList):
    """Names the groups that the redrives on the page retry at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        redrives: list[Any] = list(self.result_list)
        names = redrive_page.named(redrives)
        for redrive in redrives:
            redrive.name = names[redrive.pk]
        self.result_list: list[Any] = redrives


@admin.register(Redrive)
class RedriveAdmin(BulkActionMixin):
    needs = {"retry": RETRY}
    refresh_seconds = 2
    offered = redrive_actions.EVERY
    add_says = "Start a redrive"
    list_display = ("what", "state_told", "progress", "asked_by", "created")
    list_filter = (StateFilter,)
    list_filter_sheet = True
    ordering = ("-pk",)
    nothing_exists = (
        "Nobody has retried many dead letters at once. Begin at a group of failures, or filter the dead "
        "letters and retry all that match."
    )
    actions_detail = ("pause_this", "resume_this", "abort_this")
    change_form_outer_before_template = "reliability/redrive_progress.html"
    fieldsets = (
        (
            "As it was asked for",
            {
                "fields": (
                    ("filter_text", "reason"),
                    ("started_by", "created_exactly"),
                    ("pace", "limits"),
                    ("began", "ended"),
                )
            },
        ),
    )

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(VIEW)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RETRY) and request.user.has_perm(VIEW)

    # ---------------------------------------------------------------------------------- the list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RedriveList

    @display(description="What is retried")
    def what(self, redrive: Any) -> SafeString:
        return format_html(
            '<div><span class="jg-title">{}</span><span class="jg-note">{}</span></div>',
            formatting.clip(redrive.name, length=160),
            formatting.clip(redrive.reason),
        )

    @display(description="State")
    def state_told(self, redrive: Redrive) -> SafeString:
        why = f"{redrive.stopped_by}: {redrive.stop_reason}" if redrive.stop_reason else redrive.stopped_by
        return format_html(
            '<div>{}<span class="jg-note">{}</span></div>',
            formatting.badge(redrive.state),
            formatting.clip(why),
        )

    @display(description="Progress")
    def progress(self, redrive: Redrive) -> SafeString:
        parts = redrive_page.parts(redrive)
        bar = format_html_join(
            "",
            '<i class="jg-part-{}" style="width: {}%"></i>',
            ((p.state, p.percent) for p in parts if p.count),
        )
        told = ", ".join(f"{part.count:,} {part.name}" for part in parts if part.count)
        return format_html(
            '<div><span class="jg-bar" aria-hidden="true">{}</span><span class="jg-note">{}</span></div>',
            bar,
            f"{redrive.total:,}: {told}" if told else "nothing to retry",
        )

    asked_by = columns.text("started_by", "Asked for by")
    created = columns.moment("created_at", "Created")

    # --------------------------------------------------------------------------- asking and watching

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redrive_form.respond(self, request)

    def page_of(self, request: HttpRequest, redrive: Redrive) -> dict[str, Any]:
        return redrive_page.context(redrive, request)

    created_exactly = columns.exact("created_at", "Created")
    began = columns.exact("started_at", "Began")
    ended = columns.exact("finished_at", "Ended")

    @display(description="Pace")
    def pace(self, redrive: Redrive) -> str:
        steps = ", then ".join(f"{end:,}" for end in redrive.plan)
        return f"at most {redrive.pace_per_second:g} per second; tries {steps}"

    @display(description="Stops when")
    def limits(self, redrive: Redrive) -> str:
        return f"more than {redrive.max_failure_rate:.0%} fail again"

    # --------------------------------------------------------------------------------- the verbs

    @action(description="Pause", permissions=["retry"], url_path="pause", icon="pause")
    def pause_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, redrive_actions.PAUSE)

    @action(
        description="Resume", permissions=["retry"], url_path="resume", icon="play_arrow",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def resume_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, redrive_actions.RESUME)

    @action(
        description="Abort", permissions=["retry"], url_path="abort", icon="dangerous",
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def abort_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, redrive_actions.ABORT)
