"""Tool `tasks.create`: a task makes others, below itself and out of the same purse."""

import hashlib
from typing import Annotated, Any

import orjson
from django.db import connection, transaction
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from governance.access.actors import Actor
from governance.db import strict_json
from governance.errors import GovernanceError
from governance.models import Task
from governance.tasks import schemas, task_tree
from governance.tasks import services as tasks
from governance.tasks.schemas import Submission, Text
from reliability.calls.types import CallPermit
from reliability.failures import PermanentFailure, Stopped
from workers import tools

# A loop of models that make tasks for one another ends at one of these.
MAX_DEPTH = 5
MAX_CHILDREN = 100
MAX_DESCENDANTS = 1_000
MAX_PAYLOAD_BYTES = 256 * 1024

_HELD = """
SELECT 1 FROM governance_tasks
WHERE id = %s::uuid AND status = 'in_progress' AND lease_token = %s FOR SHARE"""


def _bounded(payload: dict[str, Any]) -> dict[str, Any]:
    if flaw := strict_json.find_error(payload):
        raise ValueError(flaw)
    size = len(orjson.dumps(payload))
    if size > MAX_PAYLOAD_BYTES:
        raise ValueError(f"it has {size} bytes as JSON; at most {MAX_PAYLOAD_BYTES} are taken")
    return payload


class ChildTask(BaseModel):
    """A task as it is submitted over the API, without what a child takes from its parent.

    `call` tells two children apart that are otherwise the same: what is asked for twice with the same
    words and the same `call` is made once.
    """

    model_config = ConfigDict(extra="forbid")

    task_type: Annotated[str, Field(min_length=1, max_length=100)]
    payload: Annotated[dict[str, Any], AfterValidator(_bounded)] = Field(default_factory=dict)
    title: Annotated[Text, Field(max_length=200)] = ""
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    assigned_worker: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    run_after: str | None = None
    deadline: str | None = None
    depends_on: list[str] = Field(default_factory=list)
    max_cost_usd: str | None = None
    call: Annotated[Text, Field(max_length=100)] = ""


@tools.register(
    "tasks.create", schema=ChildTask, seconds=15, effect="inside", on_unknown="retry", target=None
)
def create(arguments: ChildTask, permit: CallPermit) -> dict[str, Any]:
    """Create a task below this one, for a worker to carry out. Answers its `id` and `status`.

    It shares this task's money (`max_cost_usd`), and counts among its children. Asking again with the
    same words finds the same task; say something else in `call` to make another one.
    """
    asked = _submission(arguments, permit)
    try:
        with transaction.atomic():
            _hold_parent(permit)
            receipt = _submit(asked, permit)
    except GovernanceError as refused:
        raise PermanentFailure(f"the task cannot be created: {refused}") from None
    return {
        "id": str(receipt.id),
        "status": receipt.status,
        "assigned_worker": receipt.worker_id,
        "existed": receipt.is_replay,
    }


def _submission(arguments: ChildTask, permit: CallPermit) -> Submission:
    """What is submitted; the key comes from the parent and the call, so that a call that is made again
    after a crash finds the child that it made before."""
    said = arguments.model_dump(mode="json", exclude={"call"}, exclude_defaults=True)
    words = orjson.dumps(arguments.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    key = f"child:{permit.task_id}:{hashlib.sha256(words).hexdigest()}"
    try:
        return schemas.parse(said | {"parent": str(permit.task_id), "idempotency_key": key})
    except GovernanceError as refused:
        raise PermanentFailure(f"the task cannot be created: {refused}") from None


def _hold_parent(permit: CallPermit) -> None:
    """The parent stays this worker's until the child is there: who lost the task makes no more of them."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [str(permit.task_id), permit.lease_token])
        if cursor.fetchone() is None:
            raise Stopped(f"task {permit.task_id} was taken from this worker")


def _submit(asked: Submission, permit: CallPermit) -> tasks.Receipt:
    actor = Actor(f"worker:{permit.worker_id}", is_trusted=True)
    place = task_tree.position(permit.task_id)
    with connection.cursor() as cursor:  # who counts a tree must be alone with it
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 5))", [str(place.root)])
    is_new = not Task.objects.filter(created_by=actor.name, idempotency_key=asked.idempotency_key).exists()
    if is_new:
        _refuse_too_many(place, permit)
    [receipt] = tasks.submit([asked], actor=actor)
    return receipt


def _refuse_too_many(place: task_tree.TreePosition, permit: CallPermit) -> None:
    if place.depth + 1 > MAX_DEPTH:
        raise PermanentFailure(f"tasks are nested {MAX_DEPTH} deep at most: this one may make no others")
    if task_tree.children(permit.task_id) >= MAX_CHILDREN:
        raise PermanentFailure(f"a task has at most {MAX_CHILDREN} children; this one has them all")
    if task_tree.descendants(place.root, enough=MAX_DESCENDANTS) >= MAX_DESCENDANTS:
        raise PermanentFailure(f"a tree of tasks has at most {MAX_DESCENDANTS}; this one is full")
