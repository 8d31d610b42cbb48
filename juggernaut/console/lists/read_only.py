"""Read-only admin lists: no row is added by hand, and no page counts a whole table."""

from contextlib import suppress
from functools import cached_property
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import BadRequest, EmptyResultSet, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from governance.db import strict_json
from governance.errors import InvalidFilter
from juggernaut.console.actions.permissions import PermissionMixin
from juggernaut.console.lists import search

# A list shows this many of what matches, newest first. To look further back, filter or search.
LISTED = 10_000
NEWEST_FIRST = ("-pk",)
# The filter by the time of creation, where the primary key holds that: it bounds any other filter.
IN_KEY = "created"
_NO_ROW = "Nothing was done: what was chosen is no row of this list. Open the list again and choose."
# What an address says beside filters. An id that is searched for is found by indexes, words are bounded by
# whoever searches them.
_OF_PAGES = {"p", "o", "all", "e", "q", "_changelist_filters"}


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


class CheckedChangeList(ChangeList):
    """Refuses filters that cannot be meant, by their names. Django would show the list without any filter, or
    fail when the query is sent."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> "QuerySet[Any]":
        """What matches; raises `BadRequest`."""
        try:
            found: QuerySet[Any] = super().get_queryset(request, *args, **kwargs)
            _compile(found)
        except InvalidFilter as wrong:
            raise BadRequest(f"this list cannot be filtered so: {wrong}") from wrong
        except (IncorrectLookupParameters, ValueError, OverflowError) as wrong:
            names = ", ".join(name for name in request.GET if name not in _OF_PAGES) or "the address"
            raise BadRequest(f"this list cannot be filtered so: {names}") from wrong
        return found


def _compile(found: "QuerySet[Any]") -> None:
    """Raise what Django raises only when a query is sent: of years such as -1, numbers beyond all types."""
    with suppress(EmptyResultSet):
        found.query.get_compiler(found.db).as_sql()


class BoundedChangeList(CheckedChangeList):
    """Knows of no more rows than it lists, so that the page's head does not offer to show "all"."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> "QuerySet[Any]":
        """What matches; among the newest rows alone, if no index finds it."""
        found = super().get_queryset(request, *args, **kwargs)
        self.is_among_newest = self._needs_bounds(request)
        return search.among_newest(found) if self.is_among_newest else found

    def _needs_bounds(self, request: HttpRequest) -> bool:
        said = {name: value for name, value in request.GET.items() if value and name not in _OF_PAGES}
        if not said or tuple(self.model_admin.get_ordering(request)) != NEWEST_FIRST:
            return False
        indexed = self.model_admin.indexed
        if IN_KEY in indexed and len(said) > 1:
            said.pop(IN_KEY, None)
        return not (len(said) == 1 and all(name in indexed or (name, said[name]) in indexed for name in said))

    @property
    def searched(self) -> int:
        return search.TITLES_SEARCHED

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class RowPageMixin(admin.ModelAdmin):
    """Pages of rows that show more than the columns; to be put before what draws them."""

    def shown_beside(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the templates of the row's page name besides what Django gives them."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.row_of(request, object_id)
        beside = self.shown_beside(request, row) if row else {}
        shown: HttpResponse = super().change_view(
            request, object_id, form_url, (extra_context or {}) | beside
        )
        return shown

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CheckedChangeList

    def response_action(
        self, request: HttpRequest, queryset: "QuerySet[Any]", *args: Any, **options: Any
    ) -> HttpResponse | None:
        """Do an action to the rows that were ticked, unless one of the ticks can be the key of no row."""
        if all(self._can_be_key(key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            answer: HttpResponse | None = super().response_action(request, queryset, *args, **options)
            return answer
        self.message_user(request, _NO_ROW, messages.ERROR)
        return None

    def _can_be_key(self, key: str) -> bool:
        try:
            self.model._meta.pk.clean(key, None)  # noqa: SLF001 the public name of a model's facts
        except ValidationError:
            return False
        return strict_json.find_error_in_text(key) is None

    def row_of(self, request: HttpRequest, object_id: str) -> Any:
        """The row that an address names, where marks such as `/` and `:` are written otherwise; or None."""
        return self.get_object(request, unquote(str(object_id)))


class ReadOnlyAdmin(PermissionMixin, RowPageMixin, ModelAdmin):
    """Rows that reliability writes: the console shows them, and changes them by verbs alone."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    list_fullwidth = True
    is_machine_row = True
    # How often the list asks for news while somebody looks at it.
    refresh_seconds = 5
    # What an index finds alone, however little it is, as the address says it: every value of a filter
    # ("type"), or one value of it, ("status", "failed").
    indexed: frozenset[str | tuple[str, str]] = frozenset()
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

    # ---------------------------------------------------------------------------- the page of one

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Every field that the page shows, unless the page names those that cannot be edited."""
        return tuple(self.readonly_fields) or tuple(
            field for _, options in self.fieldsets or () for row in options["fields"] for field in _names(row)
        )

    def page_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page of this row shows beside its columns, by the names that its templates use."""
        return {}

    def shown_beside(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        known = self.page_of(request, row) if self.has_view_permission(request, row) else {}
        return {"title": str(row)} | known

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The row, if there is one and it may be looked at."""
        row = self.row_of(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise Http404(f"no {self.opts.verbose_name} has the id {object_id}")
        return row

    def address(self, row: Model) -> str:
        """The page of this row."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(row.pk)])

    def list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def is_list(self, request: HttpRequest) -> bool:
        """Whether the list is asked for, not the page of one row."""
        where = request.resolver_match
        return bool(where and where.url_name == f"{self.opts.app_label}_{self.opts.model_name}_changelist")


def _names(row: object) -> tuple[str, ...]:
    return row if isinstance(row, tuple) else (str(row),)
