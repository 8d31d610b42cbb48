"""`/api/dlq/groups`: dead letters by what went wrong."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.errors import GroupNotFound
from governance.models import FailureSignature
from governance.pagination import Row
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, page, record
from juggernaut.api.resource import Resource, answer
from juggernaut.api.resources.dead_letters import selection
from juggernaut.api.resources.dead_letters.dead_letters import DLQ
from juggernaut.api.resources.dead_letters.path_parameters import GROUP_ID
from reliability.dead_letters import selectors, triage

_LINKS: Any = {"url": str, "letters_url": str}
_GROUP = columns("Group", FailureSignature, selectors.GROUP, **_LINKS)
_HOUR = record("FailureHour", hour=datetime, failures=int)
_DETAIL = columns("GroupDetail", FailureSignature, selectors.GROUP, hours=many(_HOUR), **_LINKS)


class GroupResource(Resource):
    def linked(self, row: Row) -> Row:
        return row | {
            "url": self.address(f"{DLQ}/groups/{row['id']}"),
            "letters_url": self.address(f"{DLQ}?signature={row['id']}"),
        }


@endpoint(
    "Dead letters",
    get=Operation(
        "list_groups",
        "List what went wrong, in groups; those that failed last first",
        {200: page("groups", _GROUP)},
        filters=selectors.GroupFilter,
        is_paged=True,
    ),
)
class Groups(GroupResource):
    """`/api/dlq/groups`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.groups(self.asked, actor=self.actor)
        return self.page("groups", page, [self.linked(row) for row in page.rows])


@endpoint(
    "Dead letters",
    of=GROUP_ID,
    get=Operation(
        "get_group", "Show a group and its failures by hour of the last seven days", {200: _DETAIL}
    ),
)
class GroupDetail(GroupResource):
    """`/api/dlq/groups/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(selectors.group(group_id(name), actor=self.actor)))


@endpoint(
    "Dead letters",
    of=GROUP_ID,
    post=Operation(
        "triage_group",
        "Say what is thought of a group",
        {200: _GROUP},
        body=selection.Triage,
        examples={
            "known": {"triage": "known", "note": "ticket 4711"},
            "ignored for a while": {"triage": "ignored", "note": "their maintenance", "failures": 100},
        },
        text="If ignored, `until` (a time), `failures` (so many more) or `per_hour` says when that ends.",
    ),
)
class Triage(GroupResource):
    """`/api/dlq/groups/{id}/triage`: `{"triage": "open" | "known" | "ignored", "note": …}`, and for ignored
    `until` (a time), `failures` (so many more) or `per_hour`."""

    def post(self, request: Request, name: str) -> HttpResponse:
        said, chosen = selection.read(request, selection.Triage), group_id(name)
        ends = {"until": said.until, "failures": said.failures, "per_hour": said.per_hour}
        group = triage.judge(chosen, said.triage, actor=self.actor, note=said.note, **ends)
        return answer(self.linked({field: getattr(group, field) for field in selectors.GROUP}))


def group_id(text: str) -> UUID:
    """The id in an address; what is none names no group."""
    try:
        return UUID(text)
    except ValueError:
        raise GroupNotFound(text) from None
