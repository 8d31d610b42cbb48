"""What the console's lists have in common: no row is made by hand, and no page counts a whole table."""

from functools import cached_property

from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

# A list shows this many of what matches, newest first. To look further back, filter or search.
LISTED = 10_000


class BoundedPaginator(Paginator):
    """Counts no further than `LISTED`: a count of a million rows takes longer than the page may."""

    template_name = "governance/pagination.html"

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by().values("pk")[:LISTED].count()

    @property
    def is_cut(self) -> bool:
        return self.count >= LISTED


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

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
