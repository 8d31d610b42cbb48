"""Pages of rows whose states operators move: the verbs as bulk actions and as buttons."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.dataclasses import UnfoldAction

from juggernaut.console.actions import bulk, forms
from juggernaut.console.lists.read_only import ReadOnlyAdmin


class BulkActionMixin(ReadOnlyAdmin):
    """`offered` are the verbs that have a button on the page of one, while they would move the row."""

    offered: tuple[bulk.BulkAction, ...] = ()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons of the verbs that would move the row as it is now."""
        row = self.row_of(request, object_id)
        able = {verb.name for verb in self.offered if row and getattr(row, verb.column) in verb.moves}
        return [button for button in super().get_actions_detail(request, object_id) if button.path in able]

    def many(
        self, request: HttpRequest, chosen: "QuerySet[Any]", verb: bulk.BulkAction
    ) -> HttpResponse | None:
        return bulk.confirm_or_run(self, request, chosen, verb, back=request.get_full_path())

    def one(self, request: HttpRequest, object_id: str, verb: bulk.BulkAction) -> HttpResponse:
        row = self.found(request, object_id)
        page = self.address(row)
        chosen = type(row).objects.filter(pk=row.pk)
        return bulk.confirm_or_run(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)


class AdminActionMixin(ReadOnlyAdmin):
    """Pages of rows that operators change: each action as a bulk action and as a button."""

    def do_many(
        self, request: HttpRequest, chosen: "QuerySet[Any]", action: forms.AdminAction
    ) -> HttpResponse | None:
        return forms.confirm_or_run(self, request, chosen, action, back=request.get_full_path())

    def do_one(self, request: HttpRequest, object_id: str, action: forms.AdminAction) -> HttpResponse:
        """Back to the row's page afterwards; to the list if the action has removed it."""
        row = self.found(request, object_id)
        page, rows = self.address(row), type(row).objects.filter(pk=row.pk)
        if asked := forms.confirm_or_run(self, request, rows, action, back=page):
            return asked
        return HttpResponseRedirect(page if rows.exists() else self.list_address())

    def make(self, request: HttpRequest, action: forms.AdminAction) -> HttpResponse:
        """An action that begins with no row and makes one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        nobody, page = self.model.objects.none(), self.list_address()
        return forms.confirm_or_run(self, request, nobody, action, back=page) or HttpResponseRedirect(page)
