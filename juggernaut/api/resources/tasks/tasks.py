"""`/api/tasks`: submit tasks, list them, look at one and at its history."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request

from governance.errors import FieldError, InvalidInput, InvalidSubmission
from governance.models import LateResult, Task, TaskEvent
from governance.models.task import Status
from governance.tasks import blockers, schemas, selectors
from governance.tasks import services as tasks
from governance.tasks.schemas import Submission
from governance.tasks.services import Receipt
from juggernaut.api import bodies
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import LOCATION, Header, Operation, endpoint, many, page, record
from juggernaut.api.path_parameters import TASK_ID
from juggernaut.api.resource import TASKS, Resource, answer, task_id

MAX_BULK_TASKS = 10_000


_SUMMARY = columns("TaskSummary", Task, selectors.SUMMARY, url=str)
_LATE_RESULT = columns("LateResult", LateResult, selectors.LATE, result=Any)
_TASK = columns(
    "Task",
    Task,
    selectors.DETAIL,
    "A task with its payload, its result, and what came too late for it.",
    payload=dict[str, Any],
    result=Any,
    depends_on=list[UUID],
    late_results=many(_LATE_RESULT),
    url=str,
    events_url=str,
    children_url=str,
)
_WHY = columns(
    "WhyNotRunning",
    Task,
    ("id", "status", "waiting_for", "wait", "error_message"),
    "`why` is a sentence; empty if the task runs as it should, or has ended.",
    why=str,
)
_EVENT = columns("TaskEvent", TaskEvent, selectors.EVENT)
_CREATED = record(
    "SubmittedTask",
    "A receipt: what never changes of a task, so that a repeated request gets the same.",
    id=UUID,
    url=str,
    title=str,
    task_type=str,
    status=Status,
    assigned_worker=str,
    priority=int,
    created_at=datetime,
)
_CREATED_OF_MANY = record("SubmittedTaskOfMany", base=_CREATED, replayed=bool)
_KEY = Header(
    "Idempotency-Key", "A repeated request with the same key gets the first answer.", max_length=200
)
_REPLAYED = Header("Idempotency-Replayed", "`true` when an earlier request with this key made the task.")
_EXAMPLES = {
    "a check": {
        "title": "Health check",
        "task_type": "evaluation",
        "payload": {"eval_type": "metric", "metric_value": 100, "minimum": 95},
    },
    "an agent with a limit of money": {
        "task_type": "agent",
        "payload": {"prompt": "Find three sources about tidal power."},
        "assigned_worker": "ANALYST",
        "max_cost_usd": "0.50",
        "idempotency_key": "tidal-power-1",
    },
}


class Batch(BaseModel):
    """All of them are stored, or none."""

    model_config = ConfigDict(extra="forbid")

    tasks: Annotated[list[Submission], Field(min_length=1, max_length=MAX_BULK_TASKS)]


@endpoint(
    "Tasks",
    get=Operation(
        "list_tasks",
        "List tasks, newest first",
        {200: page("tasks", _SUMMARY)},
        filters=selectors.TaskFilter,
        is_paged=True,
    ),
    post=Operation(
        "submit_task",
        "Submit a task",
        {201: _CREATED},
        body=Submission,
        refuses=(422,),
        takes=(_KEY,),
        sends=(LOCATION, _REPLAYED),
        examples=_EXAMPLES,
        text="`payload` is checked by the schema of its task type: see `list_task_types`.",
    ),
)
class Tasks(Resource):
    """`/api/tasks`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.tasks(self.asked, actor=self.actor)
        here = self.address(TASKS)
        return self.page("tasks", page, [row | {"url": f"{here}/{row['id']}"} for row in page.rows])

    def post(self, request: Request) -> HttpResponse:
        body = bodies.read_object(request, limit=settings.MAX_TASK_BODY_BYTES)
        asked = schemas.parse(_with_key_of_header(request, body))
        [receipt] = tasks.submit([asked], actor=self.actor)
        created = _created(asked, receipt, self.address(TASKS))
        return answer(created, status=201, headers={"Location": created["url"]} | _replayed(receipt))


@endpoint(
    "Tasks",
    post=Operation(
        "submit_tasks",
        "Submit up to 10,000 tasks, all or none",
        {201: record("SubmittedTasks", tasks=many(_CREATED_OF_MANY))},
        body=Batch,
        refuses=(422,),
        examples={
            "two checks": {"tasks": [_EXAMPLES["a check"], _EXAMPLES["a check"] | {"title": "Another"}]}
        },
    ),
)
class Bulk(Resource):
    """`/api/tasks/bulk`: many tasks in one transaction, all or none."""

    def post(self, request: Request) -> HttpResponse:
        _refuse_key_in_header(request)
        body = bodies.read_object(request, limit=settings.MAX_BULK_BODY_BYTES)
        asked = schemas.parse_many(_listed_tasks(body))
        pairs = zip(asked, self._submit(asked), strict=True)
        here = self.address(TASKS)
        created = [_created(s, r, here) | {"replayed": r.is_replay} for s, r in pairs]
        return answer({"tasks": created}, status=201)

    def _submit(self, asked: list[Submission]) -> list[Receipt]:
        try:
            return tasks.submit(asked, actor=self.actor)
        except InvalidSubmission as invalid:
            # One task alone is not numbered by the verb; in a list it is number 0.
            raise InvalidSubmission(
                [FieldError(error.field, error.message, error.index or 0) for error in invalid.errors]
            ) from None


@endpoint("Tasks", of=TASK_ID, get=Operation("get_task", "Show everything about a task", {200: _TASK}))
class TaskDetail(Resource):
    """`/api/tasks/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        row = selectors.task(task_id(name), actor=self.actor)
        return answer(row | _links(self.address(f"{TASKS}/{row['id']}"), self.address(TASKS), row["id"]))


@endpoint("Tasks", of=TASK_ID, get=Operation("explain_task", "Why is this task not running?", {200: _WHY}))
class Why(Resource):
    """`/api/tasks/{id}/why`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(blockers.find_blockers(task_id(name), actor=self.actor))


@endpoint(
    "Tasks",
    of=TASK_ID,
    get=Operation(
        "list_task_events",
        "Show a task's history, oldest first",
        {200: page("events", _EVENT)},
        is_paged=True,
    ),
)
class Events(Resource):
    """`/api/tasks/{id}/events`: the task's history."""

    def get(self, request: Request, name: str) -> HttpResponse:
        page = selectors.events(task_id(name), self.asked, actor=self.actor)
        return self.page("events", page, page.rows)


def _created(asked: Submission, receipt: Receipt, here: str) -> dict[str, Any]:
    """The answer to a submission: only what never changes, so that a replay gets the same."""
    return {
        "id": receipt.id,
        "url": f"{here}/{receipt.id}",
        "title": asked.title,
        "task_type": asked.task_type,
        "status": receipt.status,
        "assigned_worker": receipt.worker_id,
        "priority": asked.priority,
        "created_at": receipt.created_at,
    }


def _replayed(receipt: Receipt) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if receipt.is_replay else {}


def _with_key_of_header(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return body
    if body.get("idempotency_key", key) != key:
        message = "the header and idempotency_key in the body differ"
        raise InvalidInput([FieldError("Idempotency-Key", message)])
    return body | {"idempotency_key": key}


def _refuse_key_in_header(request: Request) -> None:
    if "Idempotency-Key" in request.headers:
        message = "not for many tasks at once: give each task an idempotency_key of its own"
        raise InvalidInput([FieldError("Idempotency-Key", message)])


def _listed_tasks(body: dict[str, Any]) -> list[Any]:
    unknown = [FieldError(name, "unknown; expected: tasks") for name in body if name != "tasks"]
    listed = body.get("tasks")
    if unknown or not isinstance(listed, list) or not listed:
        raise InvalidInput(unknown or [FieldError("tasks", "a list of at least one task is expected")])
    if len(listed) > MAX_BULK_TASKS:
        raise bodies.TooManyTasks(f"{len(listed)} tasks; at most {MAX_BULK_TASKS} fit into one request")
    return listed


def _links(url: str, here: str, task: UUID) -> dict[str, str]:
    return {"url": url, "events_url": f"{url}/events", "children_url": f"{here}?parent={task}"}
