"""What the console's lists have in common: no row is made by hand, and no page counts a whole table."""

from functools import cached_property
from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

# A list shows this many of what matches, newest first. To look further back, filter or search.
LISTED = 10_000


class BoundedPaginator(Paginator):
    """Counts no further than `LISTED`: a count of a million rows takes longer than the page may."""

    template_name = "governance/pagination.html"

    @cached_property
    def count(self) -> int:
        listed = cast("QuerySet[Model]", self.object_list)
        return listed.order_by().values("pk")[:LISTED].count()

    @property
    def is_cut(self) -> bool:
        return self.count >= LISTED


class BoundedChangeList(ChangeList):
    """Knows of no more rows than it lists, so that the page's head does not offer to show "all"."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class MachineRows(ModelAdmin):
    """Rows that the machinery writes: the console shows them, and changes them by verbs alone."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    list_fullwidth = True
    # Which words an empty list says when no filter hides anything.
    nothing_exists = ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
