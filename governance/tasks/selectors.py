"""The questions that API and commands ask about tasks and workers. All of them need a permission."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import orjson
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from pydantic import BaseModel, ConfigDict, Field

from governance import pagination
from governance.access.actors import Actor
from governance.db import bounded_queries, uuid7
from governance.errors import FieldError, InvalidFilter, TaskNotFound, WorkerNotFound
from governance.models import LateResult, Task, TaskDependency, TaskEvent, Worker, WorkerProcess
from governance.models.task import Status
from governance.pagination import MAX_LIMIT, Page, Row
from governance.tasks.schemas import Text, Time
from governance.workers import services as worker_services

# What a list shows: enough to find a task, without the documents that may weigh a megabyte each.
SUMMARY = (
    "id", "title", "task_type", "status", "waiting_for", "assigned_worker", "priority", "attempts",
    "max_attempts", "error_message", "created_by", "created_at", "started_at", "updated_at", "completed_at",
)  # fmt: skip
DETAIL = (
    "id", "title", "task_type", "priority", "status", "waiting_for", "wait", "assigned_worker",
    "attempts", "error_attempts", "crash_attempts", "max_attempts", "run_after", "deadline",
    "timeout_seconds", "parent", "idempotency_key", "max_cost_usd", "error_message", "dead_letter_id",
    "created_by",
    "created_at", "started_at", "updated_at", "completed_at", "lease_owner", "lease_expires_at",
)  # fmt: skip
FLEET = ("status", "paused_by", "reason", "paused_at")
EVENT = ("seq", "from_status", "to_status", "actor", "reason", "attempt", "process_id", "created_at")
LATE = ("attempt", "process_id", "outcome", "error_message", "found_status", "received_at")
WORKER = (
    "worker_id", "status", "description", "capabilities", "max_concurrency", "last_heartbeat", "version",
)  # fmt: skip
PROCESS = (
    "process_id", "worker_ids", "state", "host", "pid", "started_at", "last_seen", "in_flight",
    "finished", "rss_bytes", "rss_at_start_bytes", "version",
)  # fmt: skip


class TaskFilter(BaseModel):
    """Which tasks are meant. Lists mean any of them; several filters must all hold.

    `created_after` includes its moment, `created_before` does not (ISO 8601 with a zone).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: list[Status] = Field(default_factory=list)
    task_type: list[Text] = Field(default_factory=list)
    assigned_worker: list[Text] = Field(default_factory=list)
    created_by: list[Text] = Field(default_factory=list)
    waiting_for: list[Text] = Field(default_factory=list)
    parent: UUID | None = None
    idempotency_key: Text | None = None
    created_after: Time | None = None
    created_before: Time | None = None

    @property
    def is_empty(self) -> bool:
        return not self.model_fields_set

    @property
    def within(self) -> Q:
        """When they were created."""
        return uuid7.created_within(Task, self.created_after, self.created_before)

    @property
    def is_indexed(self) -> bool:
        """Whether an index finds what is meant, however little that is."""
        said = self.model_fields_set - {"created_after", "created_before"}
        if said & {"waiting_for", "parent", "idempotency_key"}:
            return True
        if said == {"task_type"}:
            return len(self.task_type) == 1
        return said == {"status"} and Status.COMPLETED not in self.status

    def condition(self) -> Q:
        return self.facts & self.within

    @property
    def facts(self) -> Q:
        """What must hold of them, whenever they were created."""
        lists = {f"{name}__in": getattr(self, name) for name in _LISTS if getattr(self, name)}
        exact = {name: getattr(self, name) for name in _EXACT if getattr(self, name) is not None}
        return Q(**lists, **exact)


_LISTS = tuple(pagination.lists_of(TaskFilter))
_EXACT = ("parent", "idempotency_key")


def parse_filter(asked: Mapping[str, Sequence[str]], *, besides: Iterable[str] = ()) -> TaskFilter:
    """The filter that `asked` (name → values, as in a query string) means.

    Raises `InvalidFilter` for a name that is neither a filter nor in `besides`, and for every bad value.
    Values of a list may be given one by one or separated by commas.
    """
    pagination.refuse_unknown(asked, known=[*TaskFilter.model_fields, *besides])
    named = {name: values for name, values in asked.items() if name in TaskFilter.model_fields}
    return pagination.validate(
        TaskFilter,
        {
            name: pagination.split(v) if name in _LISTS else pagination.single(name, v)
            for name, v in named.items()
        },
    )


def tasks(asked: Mapping[str, Sequence[str]], *, actor: Actor) -> Page:
    """A page of tasks, newest first: filters, `limit` (at most 200) and `cursor`. Nothing is counted."""
    actor.require("governance.view_task")
    chosen = parse_filter(asked, besides=pagination.OPTIONS)
    rows, options = Task.objects.filter(chosen.within), pagination.options(asked)
    if last := options.after(size=16):
        rows = rows.filter(id__lt=UUID(bytes=last))
    return bounded_queries.page(
        rows, chosen.facts, columns=SUMMARY, limit=options.limit, key=lambda row: row["id"].bytes,
        is_indexed=chosen.is_indexed,
    )  # fmt: skip


def task_ids(chosen: TaskFilter, *, actor: Actor) -> list[UUID]:
    """The ids of all matching tasks, oldest first, as they are now; an empty filter is an error."""
    actor.require("governance.view_task")
    if chosen.is_empty:
        raise InvalidFilter([FieldError("filter", "name at least one filter: none would mean every task")])
    return list(Task.objects.filter(chosen.condition()).order_by("id").values_list("id", flat=True))


def statuses(ids: Sequence[UUID], *, actor: Actor) -> dict[UUID, str]:
    """Where these tasks stand; unknown ids are left out."""
    actor.require("governance.view_task")
    return dict(Task.objects.filter(pk__in=ids).values_list("pk", "status"))


def task(task_id: UUID, *, actor: Actor) -> Row:
    """Everything about one task, with its dependencies and late results; raises `TaskNotFound`."""
    actor.require("governance.view_task")
    found = Task.objects.filter(pk=task_id).values(*DETAIL, **_json("payload", "result"))
    if not found:
        raise TaskNotFound(task_id)
    edges = TaskDependency.objects.filter(task_id=task_id).order_by("id")
    late = LateResult.objects.filter(task_id=task_id).order_by("-id").values(*LATE, **_json("result"))
    return {
        **_with_json(found[0]),
        "depends_on": list(edges.values_list("depends_on_id", flat=True)),
        "late_results": [_with_json(row) for row in late[:MAX_LIMIT]],
    }


def events(task_id: UUID, asked: Mapping[str, Sequence[str]], *, actor: Actor) -> Page:
    """A page of a task's history, oldest first; raises `TaskNotFound`."""
    actor.require("governance.view_task")
    pagination.refuse_unknown(asked, known=pagination.OPTIONS)
    options = pagination.options(asked)
    found: QuerySet[TaskEvent] = TaskEvent.objects.filter(task_id=task_id)
    if last := options.after(size=4):
        found = found.filter(seq__gt=int.from_bytes(last))
    rows = list(found.order_by("seq").values(*EVENT)[: options.limit + 1])
    if not rows and not Task.objects.filter(pk=task_id).exists():
        raise TaskNotFound(task_id)
    return pagination.page(rows, limit=options.limit, key=lambda row: row["seq"].to_bytes(4))


def _json(*columns: str) -> dict[str, Cast]:
    """These columns as PostgreSQL writes them: a number may be larger than Python's JSON can say again
    (1e300 comes back as 301 digits)."""
    return {f"{column}_text": Cast(column, TextField()) for column in columns}


def _with_json(row: Row) -> Row:
    """The row with its JSON texts as what they are, to be copied into an answer."""
    plain = {name: value for name, value in row.items() if not name.endswith("_text")}
    texts = {name.removesuffix("_text"): value for name, value in row.items() if name.endswith("_text")}
    return plain | {name: None if text is None else orjson.Fragment(text) for name, text in texts.items()}


def workers(*, actor: Actor) -> list[Row]:
    """Every worker with its living processes."""
    actor.require("governance.view_worker")
    processes = list(WorkerProcess.objects.order_by("process_id").values(*PROCESS))
    return [
        row | {"processes": [p for p in processes if row["worker_id"] in p["worker_ids"]]}
        for row in Worker.objects.order_by("worker_id").values(*WORKER)
    ]


def worker(worker_id: str, *, actor: Actor) -> Row:
    """One of them; raises `WorkerNotFound`."""
    everybody = workers(actor=actor)
    for row in everybody:
        if row["worker_id"] == worker_id:
            return row
    raise WorkerNotFound(worker_id, [row["worker_id"] for row in everybody])


def fleet(*, actor: Actor) -> Row:
    """How the fleet stands, and who paused it, why and when."""
    actor.require("governance.view_fleet")
    found = worker_services.fleet()
    return {name: getattr(found, name) for name in FLEET}
