"""The ledger in the console: what was booked, what is held, and the correction of either."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from governance import budgets
from governance.access.actors import Actor
from governance.budgets.corrections import PERMISSION
from governance.models import BudgetHold, CostLine
from juggernaut.console import formatting
from juggernaut.console.actions.forms import AdminAction, DiffRow, ReasonForm, Said
from juggernaut.console.actions.rows import AdminActionMixin
from juggernaut.console.lists import columns, filters, search
from juggernaut.console.lists.read_only import ReadOnlyAdmin
from juggernaut.console.pages.costs.prices import PricePages

_OPEN = BudgetHold.State.OPEN
# Of the tasks whose ids begin alike, so many holds are shown.
MOST_OF_TASKS = 1000


class CostForm(ReasonForm):
    cost_usd = forms.DecimalField(
        label="What the call cost altogether, in USD", min_value=Decimal(0), max_digits=18, decimal_places=9,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )  # fmt: skip


def _correct(rows: Sequence[BudgetHold], actor: Actor, said: Said) -> str:
    [hold] = rows
    cost = said["cost_usd"]
    difference = budgets.correct(hold.pk, cost_usd=cost, actor=actor, reason=said["reason"])
    if not difference:
        return "Nothing was booked: that is what it was charged already."
    return f"Booked {_signed(difference)}: the call was charged {formatting.money(cost)} altogether."


def _signed(usd: Decimal) -> str:
    return f"{'-' if usd < 0 else '+'}{formatting.money(abs(usd))}"


def _lines(rows: Sequence[BudgetHold], said: Said) -> list[DiffRow]:
    [hold] = rows
    after = said.get("cost_usd")
    return [
        DiffRow(
            "Charged", formatting.money(hold.charged_usd), "" if after is None else formatting.money(after)
        )
    ]


CORRECT = AdminAction(
    "correct",
    "The difference becomes a new line of the ledger and moves what is spent in the windows of that day. "
    "Nothing that was booked is changed.",
    _correct,
    _lines,
    form=CostForm,
    initial=lambda rows: {"cost_usd": Decimal(f"{rows[0].charged_usd.normalize():f}")},
)


def _called(row: Any) -> SafeString:
    return format_html(
        '<div><span class="jg-title">{}</span><span class="jg-note">{}</span></div>',
        row.model or row.service or "by hand",
        row.service if row.model else "",
    )


@admin.register(CostLine)
class CostLineAdmin(PricePages, ReadOnlyAdmin):
    needs = {"correct": PERMISSION}
    list_display = ("call", "cost", "worker_id", "of_task", "tokens", "source", "made", "booked_by")
    list_filter = (
        filters.WorkerIdFilter,
        filters.choice("price_source", CostLine.Source.values, title="price"),
        filters.choice("kind", CostLine.Kind.values),
        filters.CreatedAtFilter,
    )
    list_filter_sheet = True
    ordering = ("-pk",)
    search_fields = ("model",)
    search_help_text = (
        "An id of a task or a hold, its first 8 digits or more, or a part of a model, a service or a request "
        f"id (newest {search.TITLES_SEARCHED:,} lines)"
    )
    nothing_exists = "Nothing has been spent yet."
    actions_detail = ("correct_this",)
    fieldsets = (
        (
            "Line of the ledger",
            {
                "fields": (
                    ("call", "cost_exactly"),
                    ("worker_id", "of_task"),
                    ("kind", "source"),
                    ("tokens", "more_tokens"),
                    ("of_hold", "request_told"),
                    ("made_exactly", "booked_exactly"),
                    ("booked_by", "reason_told"),
                )
            },
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        words = ("model", "service", "request_id")
        found: QuerySet[Any] = search.by_words(queryset, search_term, *words, ids=("task_id", "hold_id"))
        return found, False

    of_task = columns.task_link("task_id", "Task")
    made = columns.moment("created_at", "Call made")
    made_exactly = columns.exact("created_at", "Call made")
    booked_exactly = columns.exact("booked_at", "Booked")
    booked_by = columns.text("actor", "Booked by")
    reason_told = columns.text("reason", "Reason")
    request_told = columns.text("request_id", "Request id")
    source = columns.text("get_price_source_display", "Price")

    @display(description="Call")
    def call(self, line: CostLine) -> SafeString:
        return _called(line)

    @columns.number("Cost")
    def cost(self, line: CostLine) -> str:
        """Corrections may be negative, and are told as differences."""
        return (
            _signed(line.cost_usd)
            if line.kind == CostLine.Kind.CORRECTION
            else formatting.money(line.cost_usd)
        )

    @display(description="Cost, to the digit")
    def cost_exactly(self, line: CostLine) -> str:
        return f"{line.cost_usd:f} USD"

    @columns.number("Tokens in, out")
    def tokens(self, line: CostLine) -> str:
        return f"{line.input_tokens:,} in, {line.output_tokens:,} out"

    @display(description="Of these")
    def more_tokens(self, line: CostLine) -> str:
        return (
            f"{line.cache_read_tokens:,} read from a cache, {line.cache_write_tokens:,} written to one, "
            f"{line.reasoning_tokens:,} reasoning"
        )

    @display(description="Hold")
    def of_hold(self, line: CostLine) -> SafeString:
        address = reverse("admin:governance_budgethold_change", args=[line.hold_id])
        return format_html('<a class="jg-link" href="{}">{}</a>', address, line.hold_id)

    def get_urls(self) -> list[URLPattern]:
        return [*self.price_urls(), *super().get_urls()]

    @action(description="Correct", permissions=["correct"], url_path="correct", icon="edit")
    def correct_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A call is corrected at its hold: that knows all that it was charged."""
        line = self.found(request, object_id)
        address = reverse("admin:governance_budgethold_change", args=[line.hold_id])
        return HttpResponseRedirect(address.removesuffix("change/") + "correct/")


@admin.register(BudgetHold)
class HoldAdmin(AdminActionMixin):
    needs = {"correct": PERMISSION}
    list_display = (
        "call",
        "state_told",
        "amount",
        "charged",
        "over",
        "worker_id",
        "of_task",
        "made",
        "expires",
    )
    list_filter = (
        filters.choice("state", BudgetHold.State.values), filters.WorkerIdFilter, filters.CreatedFilter,
    )  # fmt: skip
    list_filter_sheet = True
    ordering = ("-pk",)
    indexed = frozenset({"created", ("state", str(_OPEN))})
    search_fields = ("model",)
    search_help_text = (
        "An id of a hold or a task, its first 8 digits or more, or a part of a model or a service "
        f"(newest {search.TITLES_SEARCHED:,} holds)"
    )
    nothing_exists = "No money has been held for a call yet."
    actions_detail = ("correct_this",)
    change_form_outer_after_template = "governance/hold_lines.html"
    fieldsets = (
        (
            "Hold",
            {
                "fields": (
                    ("call", "state_told"),
                    ("worker_id", "of_task"),
                    ("amount", "charged"),
                    ("over", "expires_exactly"),
                    ("made_exactly", "ended_exactly"),
                )
            },
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        if named := search.id_range(search_term):
            return queryset.filter(Q(pk__range=named) | Q(pk__in=_of_tasks(named))), False
        found: QuerySet[Any] = search.by_words(queryset, search_term, "model", "service")
        return found, False

    state_told = columns.badge("state", "State", open="running")
    amount = columns.money("amount_usd", "Held")
    charged = columns.money("charged_usd", "Charged")
    over = columns.money("overage_usd", "Beyond the hold")
    of_task = columns.task_link("task_id", "Task")
    made = columns.moment("created_at", "Made")
    expires = columns.moment("expires_at", "Expires")
    made_exactly = columns.exact("created_at", "Made")
    expires_exactly = columns.exact("expires_at", "Expires")
    ended_exactly = columns.exact("ended_at", "Ended")

    @display(description="Call")
    def call(self, hold: BudgetHold) -> SafeString:
        return _called(hold)

    def page_of(self, request: HttpRequest, hold: BudgetHold) -> dict[str, Any]:
        may = request.user.has_perm("governance.view_costline")
        lines = CostLine.objects.filter(hold_id=hold.pk).order_by("line")
        return {"title": f"Hold of {hold.worker_id}", "lines": list(lines[:50]) if may else []}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """What is still held has nothing to correct."""
        hold = self.row_of(request, object_id)
        buttons: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [] if hold is None or hold.state == _OPEN else buttons

    @action(description="Correct", permissions=["correct"], url_path="correct", icon="edit")
    def correct_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, CORRECT)


def _of_tasks(named: tuple[UUID, UUID]) -> list[UUID]:
    """Holds of the tasks with such ids: open ones and those that the ledger tells of. Ended holds have no
    index by task: it would be written twice with every call."""
    held = BudgetHold.objects.filter(state=_OPEN, task_id__range=named).values_list("pk", flat=True)
    booked = CostLine.objects.filter(task_id__range=named).values_list("hold_id", flat=True)
    return [*held[:MOST_OF_TASKS], *booked[:MOST_OF_TASKS]]
