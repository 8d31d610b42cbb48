"""Pages of rows whose states operators move: the verbs as bulk actions and as buttons."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.dataclasses import UnfoldAction

from governance.admin import verbs
from governance.admin.rows import MachineRows


class VerbRows(MachineRows):
    """`offered` are the verbs that have a button on the page of one, while they would move the row."""

    offered: tuple[verbs.Verb, ...] = ()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons of the verbs that would move the row as it is now."""
        row = self.get_object(request, object_id)
        able = {verb.name for verb in self.offered if row and getattr(row, verb.column) in verb.moves}
        return [button for button in super().get_actions_detail(request, object_id) if button.path in able]

    def many(self, request: HttpRequest, chosen: "QuerySet[Any]", verb: verbs.Verb) -> HttpResponse | None:
        return verbs.ask_or_do(self, request, chosen, verb, back=request.get_full_path())

    def one(self, request: HttpRequest, object_id: str, verb: verbs.Verb) -> HttpResponse:
        row = self.found(request, object_id)
        page = self.address(row)
        chosen = type(row).objects.filter(pk=row.pk)
        return verbs.ask_or_do(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)
