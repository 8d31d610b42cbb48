"""Budgets in the console: how much of each is spent, held and free, and the verbs that change limits."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance import budgets
from governance.budgets.limits import PERMISSION, scopes_known
from governance.models import WorkerBudget
from governance.models.budget import FLEET
from juggernaut.console.actions.rows import AdminActionMixin
from juggernaut.console.lists import filters
from juggernaut.console.lists.read_only import BoundedChangeList
from juggernaut.console.pages.access import audit_trail
from juggernaut.console.pages.costs import budget_actions, budget_bars


class UseFilter(admin.SimpleListFilter):
    """By the window of it that is used most."""

    title = "used"
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> filters.Choices:
        return [("80", "80 % or more"), ("100", "used up")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.value() not in ("80", "100"):
            return queryset
        share = Decimal(str(self.value())) / 100
        return queryset.filter(pk__in={w.scope for w in budgets.all_balances() if w.is_used_to(share)})


class BudgetList(BoundedChangeList):
    """Reads the windows of all budgets on the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        found = budgets.list_balances([row.pk for row in rows])
        for row in rows:
            row.windows = {window.kind: window for window in found[row.pk]}
        self.result_list: list[Any] = rows


@admin.register(WorkerBudget)
class BudgetAdmin(AdminActionMixin):
    needs = {"limit": PERMISSION}
    add_says = "Set limits"
    list_display = ("who", "day", "week", "month", "zone")
    list_filter = (UseFilter,)
    ordering = ("pk",)
    nothing_exists = (
        "No worker has limits, and neither has the fleet: without the row FLEET nothing may be spent at all."
    )
    actions = ("raise_chosen", "halve_chosen")
    actions_detail = ("set_this", "raise_this", "halve_this")
    list_before_template = "governance/budgets_without_limits.html"
    change_form_outer_before_template = "governance/budget_state.html"
    change_form_outer_after_template = "governance/audit_trail.html"
    fieldsets = ((None, {"fields": (("worker_id", "timezone"),)}),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BudgetList

    @display(description="Budget of")
    def who(self, budget: WorkerBudget) -> SafeString:
        under = "all workers together" if budget.pk == FLEET else ""
        return format_html(
            '<div><span class="jg-title">{}</span><span class="jg-note">{}</span></div>', budget.pk, under
        )

    @display(description="Today")
    def day(self, budget: Any) -> SafeString:
        return budget_bars.bar(budget.windows["day"])

    @display(description="This week")
    def week(self, budget: Any) -> SafeString:
        return budget_bars.bar(budget.windows["week"])

    @display(description="This month")
    def month(self, budget: Any) -> SafeString:
        return budget_bars.bar(budget.windows["month"])

    @display(description="Time zone")
    def zone(self, budget: WorkerBudget) -> str:
        return budget.timezone

    # ---------------------------------------------------------------------------- the page of one

    def page_of(self, request: HttpRequest, budget: WorkerBudget) -> dict[str, Any]:
        windows = budgets.list_balances([budget.pk])[budget.pk]
        return {
            "title": str(budget.pk),
            "windows": [(window, budget_bars.bar(window)) for window in windows],
        } | audit_trail.shown_to(request, f"budget {budget.pk}")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        limited = set(WorkerBudget.objects.values_list("pk", flat=True))
        without = [scope for scope in scopes_known() if scope not in limited]
        shown: HttpResponse = super().changelist_view(request, (extra_context or {}) | {"without": without})
        return shown

    # --------------------------------------------------------------------------------- the verbs

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.make(request, budget_actions.MAKE)

    @admin.action(description="Raise limits", permissions=["limit"])
    def raise_chosen(self, request: HttpRequest, queryset: "QuerySet[WorkerBudget]") -> HttpResponse | None:
        return self.do_many(request, queryset, budget_actions.RAISE)

    @admin.action(description="Halve limits", permissions=["limit"])
    def halve_chosen(self, request: HttpRequest, queryset: "QuerySet[WorkerBudget]") -> HttpResponse | None:
        return self.do_many(request, queryset, budget_actions.HALVE)

    @action(
        description="Set limits", permissions=["limit"], url_path="limits", icon="edit",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def set_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, budget_actions.SET)

    @action(description="Raise limits", permissions=["limit"], url_path="raise", icon="trending_up")
    def raise_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, budget_actions.RAISE)

    @action(
        description="Halve limits", permissions=["limit"], url_path="halve", icon="trending_down",
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def halve_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.do_one(request, object_id, budget_actions.HALVE)
