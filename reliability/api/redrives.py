"""`/api/redrives`: retries of many letters, previewed, started, watched and steered; and `/api/dlq/retry`."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.api.resource import Resource, answer
from governance.paging import Row
from reliability import dead_letters, redrives, selectors
from reliability.api import asked
from reliability.api.asked import ChosenForRetry, Reason, Shape, Start, Terms
from reliability.api.letters import told
from reliability.errors import RedriveNotFound
from reliability.models import Redrive

REDRIVES = "/api/redrives"


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


class Redrives(RedriveResource):
    """`/api/redrives`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.redrives(self.asked, actor=self.actor)
        return self.page("redrives", page, [self.linked(row) for row in page.rows])

    def post(self, request: Request) -> HttpResponse:
        start = asked.read(request, Start)
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


class Preview(Resource):
    """`/api/redrives/preview`: what a redrive in the same words would do."""

    def post(self, request: Request) -> HttpResponse:
        terms = asked.read(request, Terms)
        forecast = redrives.preview(terms.meant, actor=self.actor, pace=terms.pace, canary=terms.canary)
        return answer(forecast)


class RedriveDetail(RedriveResource):
    """`/api/redrives/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(selectors.redrive(redrive_id(name), actor=self.actor)))


class Items(Resource):
    """`/api/redrives/{id}/items`: what became of each letter."""

    def get(self, request: Request, name: str) -> HttpResponse:
        page = selectors.redrive_items(redrive_id(name), self.asked, actor=self.actor)
        return self.page("items", page, page.rows)


class Pause(RedriveResource):
    """`/api/redrives/{id}/pause`: `{"reason": …}`, or nothing. 409 when it does not run."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason = asked.read(request, Reason).reason
        return answer(self.stands(redrives.pause(redrive_id(name), actor=self.actor, reason=reason)))


class Resume(RedriveResource):
    """`/api/redrives/{id}/resume`. 409 when it is not paused."""

    def post(self, request: Request, name: str) -> HttpResponse:
        asked.read(request, Shape)
        return answer(self.stands(redrives.resume(redrive_id(name), actor=self.actor)))


class Abort(RedriveResource):
    """`/api/redrives/{id}/abort`: `{"reason": …}`. 409 when it has finished."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason = asked.read(request, Reason).reason
        return answer(self.stands(redrives.abort(redrive_id(name), actor=self.actor, reason=reason)))


class RetryMany(RedriveResource):
    """`/api/dlq/retry`: a selection (`{"ids": […]}`) at once; all that match (`{"filter": {…}}`) by a
    redrive, which is the answer."""

    def post(self, request: Request) -> HttpResponse:
        chosen = asked.read(request, ChosenForRetry)
        if chosen.filter is not None:
            return self.accepted(redrives.start(chosen.filter, actor=self.actor, reason=chosen.reason))
        ids = chosen.unique_ids
        return answer(told(dead_letters.retry(ids, actor=self.actor, reason=chosen.reason), ids))


def redrive_id(text: str) -> UUID:
    """The id in an address; what is none names no redrive."""
    try:
        return UUID(text)
    except ValueError:
        raise RedriveNotFound(text) from None
