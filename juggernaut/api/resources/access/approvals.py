"""`/api/approvals`: calls that wait for a person, and the person's word."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance.access import approvals
from governance.access import selectors as gate_selectors
from governance.access.approvals import Decided
from governance.errors import ApprovalNotFound
from governance.models import Approval
from governance.pagination import Row
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, page, record
from juggernaut.api.path_parameters import APPROVAL_ID
from juggernaut.api.resource import TASKS, Resource, answer
from juggernaut.api.schemas import ReasonOptional, ReasonRequired

APPROVALS = "/api/approvals"
MAX_IDS = 1000


class ManyApproved(ReasonRequired):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)]


class ManyRejected(ReasonOptional, ManyApproved):
    pass


_LINKS: Any = {"url": str, "task_url": str | None}
_APPROVAL = columns("Approval", Approval, gate_selectors.APPROVAL, **_LINKS)
_DETAIL = columns("ApprovalDetail", Approval, (*gate_selectors.APPROVAL, "digest"), **_LINKS)
_SKIPPED = record(
    "SkippedApproval",
    "`found` is the state it was in; null if there is no such approval.",
    id=UUID,
    found=str | None,
)
_DECIDED = record("DecidedApprovals", moved=int, skipped=int, skipped_approvals=many(_SKIPPED))
_REASON = {"why": {"reason": "looked at it"}}
_REASON_FOR_MANY = {"why": {"ids": [APPROVAL_ID.example], "reason": "looked at them"}}


class ApprovalResource(Resource):
    def linked(self, row: Row) -> Row:
        task = row["task_id"]
        task_url = None if task is None else self.address(f"{TASKS}/{task}")
        return row | {"url": self.address(f"{APPROVALS}/{row['id']}"), "task_url": task_url}


@endpoint(
    "Approvals",
    get=Operation(
        "list_approvals",
        "List calls that wait for a person, and those decided; newest first",
        {200: page("approvals", _APPROVAL)},
        filters=gate_selectors.ApprovalFilter,
        is_paged=True,
    ),
)
class Approvals(ApprovalResource):
    """`/api/approvals`."""

    def get(self, request: Request) -> HttpResponse:
        page = gate_selectors.listed_approvals(self.asked, actor=self.actor)
        return self.page("approvals", page, [self.linked(row) for row in page.rows])


@endpoint("Approvals", of=APPROVAL_ID, get=Operation("get_approval", "Show an approval", {200: _DETAIL}))
class ApprovalDetail(ApprovalResource):
    """`/api/approvals/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(gate_selectors.approval(_approval_id(name), actor=self.actor)))


class _One(ApprovalResource):
    """`{"reason": …}`, needed to reject. 409 names the state `found` when it is decided or too late."""

    verb: ClassVar[Any]

    def post(self, request: Request, name: str) -> HttpResponse:
        reason = shapes.read(request, ReasonRequired).reason
        row = self.verb(_approval_id(name), actor=self.actor, reason=reason)
        return answer(self.linked({column: getattr(row, column) for column in gate_selectors.APPROVAL}))


class _Many(Resource):
    """`{"ids": […], "reason": …}`: how many were decided, and which not and how they stood."""

    verb: ClassVar[Any]

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, ManyApproved)
        done: Decided = approvals.many(self.verb, asked.ids, actor=self.actor, reason=asked.reason)
        skipped = [{"id": one, "found": found} for one, found in done.skipped.items()]
        return answer({"moved": len(done.moved), "skipped": len(skipped), "skipped_approvals": skipped})


@endpoint(
    "Approvals",
    of=APPROVAL_ID,
    post=Operation(
        "approve",
        "Let the call be made once",
        {200: _APPROVAL},
        body=ReasonRequired,
        refuses=(409,),
        examples=_REASON,
    ),
)
class Approve(_One):
    verb = staticmethod(approvals.approve)


@endpoint(
    "Approvals",
    of=APPROVAL_ID,
    post=Operation(
        "reject", "Refuse the call", {200: _APPROVAL}, body=ReasonOptional, refuses=(409,), examples=_REASON
    ),
)
class Reject(_One):
    verb = staticmethod(approvals.reject)


@endpoint(
    "Approvals",
    post=Operation(
        "approve_many",
        "Approve several calls",
        {200: _DECIDED},
        body=ManyApproved,
        examples=_REASON_FOR_MANY,
    ),
)
class ApproveMany(_Many):
    verb = staticmethod(approvals.approve)


@endpoint(
    "Approvals",
    post=Operation(
        "reject_many", "Refuse several calls", {200: _DECIDED}, body=ManyRejected, examples=_REASON_FOR_MANY
    ),
)
class RejectMany(_Many):
    verb = staticmethod(approvals.reject)


def _approval_id(text: str) -> UUID:
    """The id in an address; what is none names no approval."""
    try:
        return UUID(text)
    except ValueError:
        raise ApprovalNotFound(text) from None
