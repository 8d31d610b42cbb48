"""Calls of tools and models in the console: what was sent, what was refused, by which rule, at what cost."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from governance.models import ToolExecution
from juggernaut.console import formatting
from juggernaut.console.lists import columns, filters, search
from juggernaut.console.lists.read_only import ReadOnlyAdmin

# What the list shows; arguments stay where they are.
_LISTED = (
    "tool_name", "service", "model", "worker_id", "task_id", "status", "rule", "error_message", "duration_ms",
    "cost_usd", "created_at",
)  # fmt: skip


@admin.register(ToolExecution)
class CallAdmin(ReadOnlyAdmin):
    list_display = ("call", "state", "worker_id", "of_task", "took", "cost", "sent", "why")
    list_filter = (
        filters.choice("status", ToolExecution.Status.values), filters.WorkerIdFilter, filters.CreatedFilter,
    )  # fmt: skip
    list_filter_sheet = True
    ordering = ("-pk",)
    indexed = frozenset({"created", ("status", "sent"), ("status", "failed"), ("status", "refused")})
    search_fields = ("tool_name",)
    search_help_text = (
        "An id of a call or a task, its first 8 digits or more, or a part of a tool, service or model "
        f"(newest {search.TITLES_SEARCHED:,} calls)"
    )
    nothing_exists = "No tool and no model has been called yet."
    fieldsets = (
        (
            "Call",
            {
                "fields": (
                    ("worker_id", "of_task"),
                    ("tool_name", "state"),
                    ("service_told", "model_told"),
                    ("sent_exactly", "ended_exactly"),
                    ("took", "cost"),
                    "rule_told",
                    "error_told",
                    "arguments_json",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ToolExecution]":
        found: QuerySet[ToolExecution] = super().get_queryset(request)
        return found.only(*_LISTED) if self.is_list(request) else found

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        words = ("tool_name", "service", "model")
        found: QuerySet[Any] = search.by_words(queryset, search_term, *words, ids=("pk", "task_id"))
        return found, False

    state = columns.badge("status", "Status")
    of_task = columns.task_link("task_id", "Task")
    cost = columns.money("cost_usd", "Cost")
    sent = columns.moment("created_at", "Asked")
    sent_exactly = columns.exact("created_at", "Asked")
    ended_exactly = columns.exact("ended_at", "Ended")
    service_told = columns.text("service", "Service")
    model_told = columns.text("model", "Model")
    rule_told = columns.text("rule", "Rule that decided")
    error_told = columns.text("error_message", "Error")
    arguments_json = columns.json("arguments", "Arguments, without secrets")

    @display(description="Call")
    def call(self, call: ToolExecution) -> SafeString:
        return format_html(
            '<div><span class="jg-title">{}</span><span class="jg-note">{}</span></div>',
            call.tool_name,
            " · ".join(part for part in (call.service, call.model) if part),
        )

    @columns.number("Duration")
    def took(self, call: ToolExecution) -> str:
        return formatting.NOTHING if call.duration_ms is None else f"{call.duration_ms:,} ms"

    @display(description="Why")
    def why(self, call: ToolExecution) -> SafeString:
        return formatting.note(call.error_message or call.rule)
