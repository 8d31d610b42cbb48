"""`/api/recurring`: recurring tasks, their next times, and what came of each time."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from pydantic import ConfigDict, Field, ValidationError, create_model
from rest_framework.request import Request

from governance.errors import InvalidInput, RecurringNotFound
from governance.models import RecurringRun, RecurringTask
from governance.pagination import Row
from governance.schedules import selectors, services
from governance.schedules.schemas import ScheduleInput
from governance.tasks.schemas import field_errors
from juggernaut.api import bodies
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import LOCATION, Operation, Shape, endpoint, page
from juggernaut.api.path_parameters import RECURRING_ID
from juggernaut.api.resource import TASKS, Resource, answer
from juggernaut.api.schemas import ReasonRequired

RECURRING = "/api/recurring"


_SUMMARY = columns("RecurringSummary", RecurringTask, selectors.COLUMNS, url=str, runs_url=str)
_RECURRING = columns(
    "Recurring", RecurringTask, selectors.COLUMNS, url=str, runs_url=str, next_runs=list[datetime]
)
_RUN = columns("RecurringRun", RecurringRun, selectors.RUN, task_url=str | None)
_REASON = {"why": {"reason": "over the holidays"}}
_HOURLY = {
    "name": "hourly check",
    "every_seconds": 3600,
    "task": {"task_type": "evaluation", "payload": {"eval_type": "metric", "metric_value": 100}},
    "reason": "we want to know within the hour",
}
_WORKDAYS = {
    "name": "morning report",
    "cron": "0 7 * * 1-5",
    "timezone": "Europe/Berlin",
    "task": {"task_type": "agent", "payload": {"prompt": "Sum up what happened overnight."}},
    "overlap": "forbid",
    "missed": "once",
}


class RecurringRequest(ScheduleInput, ReasonRequired):
    """When, and which task."""


def _changes(of: Shape) -> Shape:
    """The same fields, none of them required: what is left out stays."""
    fields: dict[str, Any] = {
        name: (Annotated[field.annotation, Field(), *field.metadata], None)
        for name, field in of.model_fields.items()
    }
    shape: Shape = create_model("RecurringChanges", __config__=ConfigDict(extra="forbid"), **fields)
    return shape


class _OfRecurring(Resource):
    """What the resources of one recurring task share: bodies, of which `reason` is kept in the audit log."""

    def read(self) -> tuple[dict[str, Any], str]:
        """What is said of it, and why."""
        body = bodies.read_object(self.request, limit=settings.MAX_TASK_BODY_BYTES)
        said = {name: value for name, value in body.items() if name != "reason"}
        return said, _reason({"reason": body["reason"]} if "reason" in body else {})

    def reason(self) -> str:
        """Of a body that says nothing else, and need not be there."""
        empty = bodies.is_empty(self.request)
        return _reason({} if empty else bodies.read_object(self.request, limit=settings.MAX_TASK_BODY_BYTES))

    def told(self, recurring_id: UUID, *, status: int = 200) -> HttpResponse:
        row = self.linked(selectors.one(recurring_id, actor=self.actor))
        return answer(row, status=status, headers={"Location": row["url"]} if status == 201 else None)

    def linked(self, row: Row) -> Row:
        url = self.address(f"{RECURRING}/{row['id']}")
        return row | {"url": url, "runs_url": f"{url}/runs"}


@endpoint(
    "Recurring tasks",
    get=Operation(
        "list_recurring",
        "List recurring tasks, newest first",
        {200: page("recurring", _SUMMARY)},
        is_paged=True,
    ),
    post=Operation(
        "create_recurring",
        "Make a recurring task",
        {201: _RECURRING},
        body=RecurringRequest,
        sends=(LOCATION,),
        examples={"every hour": _HOURLY, "on workdays at seven": _WORKDAYS},
    ),
)
class Recurring(_OfRecurring):
    """`/api/recurring`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.all_schedules(self.asked, actor=self.actor)
        return self.page("recurring", page, [self.linked(row) for row in page.rows])

    def post(self, request: Request) -> HttpResponse:
        said, reason = self.read()
        return self.told(services.create(said, actor=self.actor, reason=reason).pk, status=201)


@endpoint(
    "Recurring tasks",
    of=RECURRING_ID,
    get=Operation("get_recurring", "Show a recurring task and its next five times", {200: _RECURRING}),
    patch=Operation(
        "change_recurring",
        "Change what is named, leave the rest",
        {200: _RECURRING},
        body=_changes(RecurringRequest),
        examples={"every two hours": {"every_seconds": 7200, "reason": "once an hour is too often"}},
    ),
    delete=Operation(
        "remove_recurring",
        "Remove a recurring task; its tasks stay",
        {204: None},
        body=ReasonRequired,
        examples=_REASON,
    ),
)
class RecurringDetail(_OfRecurring):
    """`/api/recurring/{id}`. `PATCH` changes what it names and leaves the rest."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return self.told(recurring_id(name))

    def patch(self, request: Request, name: str) -> HttpResponse:
        said, reason = self.read()
        return self.told(services.change(recurring_id(name), said, actor=self.actor, reason=reason).pk)

    def delete(self, request: Request, name: str) -> HttpResponse:
        services.remove(recurring_id(name), actor=self.actor, reason=self.reason())
        return HttpResponse(status=204)


class PauseOrResume(_OfRecurring):
    """`POST …/pause` and `…/resume`: done, whether or not it stood so already."""

    verb: Any

    def post(self, request: Request, name: str) -> HttpResponse:
        found = services.get(recurring_id(name))
        type(self).verb([found.pk], actor=self.actor, reason=self.reason())
        return self.told(found.pk)


@endpoint(
    "Recurring tasks",
    of=RECURRING_ID,
    post=Operation(
        "pause_recurring", "Pause a recurring task", {200: _RECURRING}, body=ReasonRequired, examples=_REASON
    ),
)
class Pause(PauseOrResume):
    verb = staticmethod(services.pause)


@endpoint(
    "Recurring tasks",
    of=RECURRING_ID,
    post=Operation(
        "resume_recurring",
        "Let a recurring task go on",
        {200: _RECURRING},
        body=ReasonRequired,
        examples=_REASON,
    ),
)
class Resume(PauseOrResume):
    verb = staticmethod(services.resume)


@endpoint(
    "Recurring tasks",
    of=RECURRING_ID,
    get=Operation(
        "list_recurring_runs",
        "List what came of its times, newest first",
        {200: page("runs", _RUN)},
        is_paged=True,
    ),
)
class Runs(_OfRecurring):
    """`/api/recurring/{id}/runs`: its history, newest first."""

    def get(self, request: Request, name: str) -> HttpResponse:
        page = selectors.runs(recurring_id(name), self.asked, actor=self.actor)
        here = self.address(TASKS)
        rows = [
            row | {"task_url": f"{here}/{row['task_id']}" if row["task_id"] else None} for row in page.rows
        ]
        return self.page("runs", page, rows)


def _reason(body: dict[str, Any]) -> str:
    try:
        return ReasonRequired.model_validate(body).reason
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None


def recurring_id(text: str) -> UUID:
    """The id in an address; what is none names nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise RecurringNotFound(text) from None
