"""`/api/redrives`: retries of many letters, previewed, started, watched and steered; and `/api/dlq/retry`."""

from typing import get_type_hints
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.pagination import Row
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import LOCATION, Operation, endpoint, many, page, record
from juggernaut.api.resource import Resource, answer
from juggernaut.api.resources.dead_letters import selection
from juggernaut.api.resources.dead_letters.dead_letters import TOLD, item_results
from juggernaut.api.resources.dead_letters.path_parameters import LETTER_ID, REDRIVE_ID
from juggernaut.api.resources.dead_letters.selection import (
    ClosedModel,
    ReasonRequired,
    RedriveStart,
    RedriveTerms,
    RetrySelection,
)
from juggernaut.api.schemas import ReasonOptional
from reliability import redrives
from reliability.dead_letters import selectors
from reliability.dead_letters import services as dead_letters
from reliability.errors import RedriveNotFound
from reliability.models import Redrive, RedriveItem
from reliability.redrives.forecast import Forecast, GroupShare
from reliability.redrives.forecast import Preview as Previewed

REDRIVES = "/api/redrives"


_REDRIVE = columns("Redrive", Redrive, selectors.REDRIVE, url=str, items_url=str)
_ITEM = columns("RedriveItem", RedriveItem, selectors.ITEM)
_SHARE, _FORECAST = (
    record("GroupShare", **get_type_hints(GroupShare)),
    record("Forecast", **get_type_hints(Forecast)),
)
_PREVIEW = record(
    "RedrivePreview", **(get_type_hints(Previewed) | {"groups": many(_SHARE), "forecast": _FORECAST})
)
_MATCHING = {"filter": {"matching": "connection reset"}, "pace": 2, "canary": True}
_STARTED = {"all that match": {**_MATCHING, "reason": "the network is back"}}
_REASON = {"why": {"reason": "they fail again"}}


class RedriveResource(Resource):
    def linked(self, row: Row) -> Row:
        url = self.address(f"{REDRIVES}/{row['id']}")
        return row | {"url": url, "items_url": f"{url}/items"}

    def stands(self, redrive: Redrive) -> Row:
        return self.linked({name: getattr(redrive, name) for name in selectors.REDRIVE})

    def accepted(self, redrive: Redrive) -> HttpResponse:
        """It is started and goes on by itself."""
        row = self.stands(redrive)
        return answer(row, status=202, headers={"Location": row["url"]})


@endpoint(
    "Dead letters",
    get=Operation(
        "list_redrives",
        "List redrives, newest first",
        {200: page("redrives", _REDRIVE)},
        filters=selectors.RedriveFilter,
        is_paged=True,
    ),
    post=Operation(
        "start_redrive",
        "Retry many letters, a few first, then at a pace",
        {202: _REDRIVE},
        body=RedriveStart,
        sends=(LOCATION,),
        examples=_STARTED,
    ),
)
class Redrives(RedriveResource):
    """`/api/redrives`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.redrives(self.asked, actor=self.actor)
        return self.page("redrives", page, [self.linked(row) for row in page.rows])

    def post(self, request: Request) -> HttpResponse:
        start = selection.read(request, RedriveStart)
        return self.accepted(
            redrives.start(
                start.meant,
                actor=self.actor,
                reason=start.reason,
                pace=start.pace,
                canary=start.canary,
                max_failure_rate=start.max_failure_rate,
            )
        )


@endpoint(
    "Dead letters",
    post=Operation(
        "preview_redrive",
        "Show what a redrive in the same words would do",
        {200: _PREVIEW},
        body=RedriveTerms,
        examples={"all that match": _MATCHING},
    ),
)
class Preview(Resource):
    """`/api/redrives/preview`: what a redrive in the same words would do."""

    def post(self, request: Request) -> HttpResponse:
        terms = selection.read(request, RedriveTerms)
        forecast = redrives.preview(terms.meant, actor=self.actor, pace=terms.pace, canary=terms.canary)
        return answer(forecast)


@endpoint(
    "Dead letters", of=REDRIVE_ID, get=Operation("get_redrive", "Show how a redrive stands", {200: _REDRIVE})
)
class RedriveDetail(RedriveResource):
    """`/api/redrives/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(selectors.redrive(redrive_id(name), actor=self.actor)))


@endpoint(
    "Dead letters",
    of=REDRIVE_ID,
    get=Operation(
        "list_redrive_items",
        "List what became of each of its letters",
        {200: page("items", _ITEM)},
        filters=selectors.ItemFilter,
        is_paged=True,
    ),
)
class Items(Resource):
    """`/api/redrives/{id}/items`: what became of each letter."""

    def get(self, request: Request, name: str) -> HttpResponse:
        page = selectors.redrive_items(redrive_id(name), self.asked, actor=self.actor)
        return self.page("items", page, page.rows)


@endpoint(
    "Dead letters",
    of=REDRIVE_ID,
    post=Operation(
        "pause_redrive",
        "Hand nothing more over until it is resumed",
        {200: _REDRIVE},
        body=ReasonRequired,
        refuses=(409,),
        examples=_REASON,
    ),
)
class Pause(RedriveResource):
    """`/api/redrives/{id}/pause`: `{"reason": …}`, or nothing. 409 when it does not run."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason = selection.read(request, ReasonRequired).reason
        return answer(self.stands(redrives.pause(redrive_id(name), actor=self.actor, reason=reason)))


@endpoint(
    "Dead letters",
    of=REDRIVE_ID,
    post=Operation(
        "resume_redrive",
        "Let a paused redrive go on",
        {200: _REDRIVE},
        body=ClosedModel,
        refuses=(409,),
        examples={"nothing": {}},
    ),
)
class Resume(RedriveResource):
    """`/api/redrives/{id}/resume`. 409 when it is not paused."""

    def post(self, request: Request, name: str) -> HttpResponse:
        selection.read(request, ClosedModel)
        return answer(self.stands(redrives.resume(redrive_id(name), actor=self.actor)))


@endpoint(
    "Dead letters",
    of=REDRIVE_ID,
    post=Operation(
        "abort_redrive",
        "End it; what was handed over goes on",
        {200: _REDRIVE},
        body=ReasonOptional,
        refuses=(409,),
        examples=_REASON,
    ),
)
class Abort(RedriveResource):
    """`/api/redrives/{id}/abort`: `{"reason": …}`. 409 when it has finished."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason = selection.read(request, ReasonRequired).reason
        return answer(self.stands(redrives.abort(redrive_id(name), actor=self.actor, reason=reason)))


@endpoint(
    "Dead letters",
    post=Operation(
        "retry_letters",
        "Retry letters by their ids at once, or all that match by a redrive",
        {200: TOLD, 202: _REDRIVE},
        body=RetrySelection,
        sends=(LOCATION,),
        examples={
            "some": {"ids": [LETTER_ID.example], "reason": "the network is back"},
            "all that match": {"filter": {"matching": "connection reset"}, "reason": "the network is back"},
        },
    ),
)
class RetryMany(RedriveResource):
    """`/api/dlq/retry`: a selection (`{"ids": […]}`) at once; all that match (`{"filter": {…}}`) by a
    redrive, which is the answer."""

    def post(self, request: Request) -> HttpResponse:
        chosen = selection.read(request, RetrySelection)
        if chosen.filter is not None:
            return self.accepted(redrives.start(chosen.filter, actor=self.actor, reason=chosen.reason))
        ids = chosen.unique_ids
        return answer(item_results(dead_letters.retry(ids, actor=self.actor, reason=chosen.reason), ids))


def redrive_id(text: str) -> UUID:
    """The id in an address; what is none names no redrive."""
    try:
        return UUID(text)
    except ValueError:
        raise RedriveNotFound(text) from None
