"""`/api/dlq/groups`: dead letters by what went wrong."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.api.resource import Resource, answer
from governance.errors import GroupNotFound
from governance.paging import Row
from reliability import selectors, triage
from reliability.api import asked
from reliability.api.letters import DLQ


class GroupResource(Resource):
    def linked(self, row: Row) -> Row:
        return row | {
            "url": self.address(f"{DLQ}/groups/{row['id']}"),
            "letters_url": self.address(f"{DLQ}?signature={row['id']}"),
        }


class Groups(GroupResource):
    """`/api/dlq/groups`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.groups(self.asked, actor=self.actor)
        return self.page("groups", page, [self.linked(row) for row in page.rows])


class GroupDetail(GroupResource):
    """`/api/dlq/groups/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(selectors.group(group_id(name), actor=self.actor)))


class Triage(GroupResource):
    """`/api/dlq/groups/{id}/triage`: `{"triage": "open" | "known" | "ignored", "note": …}`, and for ignored
    `until` (a time), `failures` (so many more) or `per_hour`."""

    def post(self, request: Request, name: str) -> HttpResponse:
        said, chosen = asked.read(request, asked.Triage), group_id(name)
        ends = {"until": said.until, "failures": said.failures, "per_hour": said.per_hour}
        group = triage.judge(chosen, said.triage, actor=self.actor, note=said.note, **ends)
        return answer(self.linked({field: getattr(group, field) for field in selectors.GROUP}))


def group_id(text: str) -> UUID:
    """The id in an address; what is none names no group."""
    try:
        return UUID(text)
    except ValueError:
        raise GroupNotFound(text) from None
