"""Pages of rows whose states operators move: the verbs as bulk actions and as buttons."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.dataclasses import UnfoldAction

from governance.admin import deeds, verbs
from governance.admin.rows import MachineRows


class VerbRows(MachineRows):
    """`offered` are the verbs that have a button on the page of one, while they would move the row."""

    offered: tuple[verbs.Verb, ...] = ()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons of the verbs that would move the row as it is now."""
        row = self.row_of(request, object_id)
        able = {verb.name for verb in self.offered if row and getattr(row, verb.column) in verb.moves}
        return [button for button in super().get_actions_detail(request, object_id) if button.path in able]

    def many(self, request: HttpRequest, chosen: "QuerySet[Any]", verb: verbs.Verb) -> HttpResponse | None:
        return verbs.ask_or_do(self, request, chosen, verb, back=request.get_full_path())

    def one(self, request: HttpRequest, object_id: str, verb: verbs.Verb) -> HttpResponse:
        row = self.found(request, object_id)
        page = self.address(row)
        chosen = type(row).objects.filter(pk=row.pk)
        return verbs.ask_or_do(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)


class DeedRows(MachineRows):
    """Pages of rows that operators change: each deed as a bulk action and as a button."""

    def do_many(self, request: HttpRequest, chosen: "QuerySet[Any]", deed: deeds.Deed) -> HttpResponse | None:
        return deeds.ask_or_do(self, request, chosen, deed, back=request.get_full_path())

    def do_one(self, request: HttpRequest, object_id: str, deed: deeds.Deed) -> HttpResponse:
        """Back to the row's page afterwards; to the list if the deed has removed it."""
        row = self.found(request, object_id)
        page, rows = self.address(row), type(row).objects.filter(pk=row.pk)
        if asked := deeds.ask_or_do(self, request, rows, deed, back=page):
            return asked
        return HttpResponseRedirect(page if rows.exists() else self.list_address())

    def make(self, request: HttpRequest, deed: deeds.Deed) -> HttpResponse:
        """A deed that begins with no row and makes one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        nobody, page = self.model.objects.none(), self.list_address()
        return deeds.ask_or_do(self, request, nobody, deed, back=page) or HttpResponseRedirect(page)
