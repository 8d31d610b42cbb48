"""Approvals in the console: what waits for a person comes first; approve and reject with a reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance.access import approvals
from governance.access.actors import Actor
from governance.errors import ApprovalConflict, ApprovalNotFound
from governance.models import Approval
from juggernaut.console import formatting
from juggernaut.console.actions.bulk import BulkAction
from juggernaut.console.actions.rows import BulkActionMixin
from juggernaut.console.lists import columns, filters, search

_Status = Approval.Status


@dataclass(frozen=True)
class Outcome:
    """How each approval that was decided stands now, and how the others were found."""

    moved: dict[UUID, str] = field(default_factory=dict)
    skipped: dict[UUID, str] = field(default_factory=dict)


def _each(ids: Sequence[UUID], decide: Callable[[UUID], Approval]) -> Outcome:
    outcome = Outcome()
    for approval_id in ids:
        try:
            outcome.moved[approval_id] = decide(approval_id).status
        except ApprovalConflict as conflict:
            outcome.skipped[approval_id] = conflict.found
        except ApprovalNotFound:
            continue
    return outcome


def _approve(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    return _each(ids, lambda one: approvals.approve(one, actor=actor, reason=reason))


def _reject(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    return _each(ids, lambda one: approvals.reject(one, actor=actor, reason=reason))


_NAMED: Mapping[str, Any] = {"noun": "call", "known_by": ("tool_name", "worker_id")}
APPROVE = BulkAction(
    "approve",
    "Approved",
    _approve,
    (_Status.PENDING,),
    "Exactly this call may be made, once, until the question expires; its task goes on. Other arguments "
    "are another question.",
    is_destructive=False,
    insists=True,
    **_NAMED,
)
REJECT = BulkAction(
    "reject",
    "Rejected",
    _reject,
    (_Status.PENDING,),
    "The call is not made, and its task is told so, with your reason.",
    is_destructive=True,
    **_NAMED,
)


class StatusFilter(filters.PresetFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        rest = [(status.value, status.value) for status in _Status if status != _Status.PENDING]
        return [(_Status.PENDING.value, "waiting"), *rest, ("all", "all")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset if self.value() == "all" else queryset.filter(status=self.value() or _Status.PENDING)


@admin.register(Approval)
class ApprovalAdmin(BulkActionMixin):
    needs = {"decide": approvals.PERMISSION}
    offered = (APPROVE, REJECT)
    list_display = ("call", "state", "of_task", "asked_for", "may_cost", "asked", "expires", "decided")
    list_filter = (StatusFilter, filters.WorkerIdFilter)
    list_filter_sheet = True
    search_fields = ("tool_name",)
    search_help_text = "An id of an approval or a task, its first 8 digits or more, or a part of a tool"
    nothing_exists = "No call waits for a person. What was decided is behind Filters."
    actions = ("approve_chosen", "reject_chosen")
    actions_detail = ("approve_this", "reject_this")
    change_form_outer_before_template = "governance/approval_state.html"
    fieldsets = (
        (
            "Call",
            {
                "fields": (
                    ("worker_id", "tool_name"),
                    ("of_task", "may_cost"),
                    ("asked_exactly", "expires_exactly"),
                    "arguments_json",
                )
            },
        ),
    )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits: the soonest to expire at its head. Else the newest."""
        is_waiting = self.is_list(request) and request.GET.get("status", _Status.PENDING) == _Status.PENDING
        return ("expires_at", "pk") if is_waiting else ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        found: QuerySet[Any] = search.by_words(queryset, search_term, "tool_name", ids=("pk", "task_id"))
        return found, False

    state = columns.badge("status", "Status")
    may_cost = columns.money("price_usd", "May cost", otherwise="not known")
    asked = columns.moment("created_at", "Asked")
    expires = columns.moment("expires_at", "Expires")
    asked_exactly = columns.exact("created_at", "Asked")
    expires_exactly = columns.exact("expires_at", "Expires")
    of_task = columns.task_link("task_id", "Task")
    arguments_json = columns.json("arguments", "Arguments, without secrets")
    call = columns.titled("Call", "tool_name", "worker_id")

    @display(description="Arguments")
    def asked_for(self, approval: Approval) -> SafeString:
        return formatting.note(formatting.inline_json(approval.arguments))

    @display(description="Decided")
    def decided(self, approval: Approval) -> SafeString | str:
        if not approval.decided_at:
            return formatting.NOTHING
        return format_html(
            '<div>{} by {}<span class="jg-note">{}</span></div>',
            formatting.moment(approval.decided_at),
            approval.decided_by,
            formatting.clip(approval.reason),
        )

    def page_of(self, request: HttpRequest, approval: Approval) -> dict[str, Any]:
        return {"approval": approval, "title": f"{approval.worker_id} {approval.tool_name}"}

    @admin.action(description="Approve", permissions=["decide"])
    def approve_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.many(request, queryset, APPROVE)

    @admin.action(description="Reject", permissions=["decide"])
    def reject_chosen(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        return self.many(request, queryset, REJECT)

    @action(
        description="Approve", permissions=["decide"], url_path="approve", icon="check",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def approve_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, APPROVE)

    @action(
        description="Reject", permissions=["decide"], url_path="reject", icon="block",
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def reject_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, REJECT)
