"""Tasks for tests: made in any state, taken through edges, and looked at afterwards."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from governance.models import Task, TaskDependency, TaskEvent
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport, ClaimedTask

PROCESS = UUID(int=1)
OTHER_PROCESS = UUID(int=2)
NOBODY = UUID(int=0)
STATES = tuple(Task.Status.values)
LIVE = ("pending", "in_progress", "parked", "waiting_approval")
ENDED = ("completed", "failed", "cancelled")


def make(**columns: Any) -> Task:
    """A task as somebody would insert it: pending, and due for an hour, unless said otherwise.

    In a test's one transaction, `now()` stands still at its beginning; what is due must be older.
    """
    facts = {"task_type": "noop", "run_after": ago(3600), "assigned_worker": "EXECUTOR"}
    return Task.objects.create(**(facts | columns))


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def claim(*, free: int = 100, process: UUID = PROCESS, worker: str = "EXECUTOR") -> list[ClaimedTask]:
    return transitions.claim(process_id=process, free={worker: free})


def claim_suspect(*, process: UUID = PROCESS) -> list[ClaimedTask]:
    return transitions.claim_suspect(process_id=process, worker_ids=["EXECUTOR", "ANALYST"])


def held(process: UUID = PROCESS, **columns: Any) -> ClaimedTask:
    """A task that `process` has just claimed, and no other: it was due before all others."""
    made = make(**({"run_after": ago(86400)} | columns))
    [task] = claim(process=process, free=1, worker=made.assigned_worker)
    assert task.id == made.pk
    return task


def done(task: ClaimedTask, result: bytes = b"{}") -> AttemptReport:
    return AttemptReport(task.id, task.token, result=result)


def failing(task: ClaimedTask, error: str = "it broke", delay: float = 0.0) -> AttemptReport:
    return AttemptReport(task.id, task.token, error=error, delay=delay)


def complete(task: ClaimedTask, result: bytes = b"{}", process: UUID = PROCESS) -> bool:
    return task.id in transitions.complete([done(task, result)], process_id=process)


def fail(task: ClaimedTask, error: str = "it broke") -> bool:
    return task.id in transitions.fail([failing(task, error)], process_id=PROCESS)


def crash(task: ClaimedTask) -> None:
    """Its process dies, and the watchdog finds out."""
    owner = fetch(task.id).lease_owner
    assert owner is not None
    transitions.rescue(dead=[owner])


def crashed(times: int, **columns: Any) -> UUID:
    """A task that waits after this many processes have died under it."""
    return make(attempts=times, crash_attempts=times, **columns).pk


def in_state(status: str) -> UUID:
    """A task that came into this state the usual way."""
    if status in {"pending", "waiting_approval"}:
        return make(status=status).pk
    if status == "parked":
        return make(status=status, waiting_for="a word from the operator").pk
    task = held()
    if status == "completed":
        complete(task)
    elif status == "failed":
        fail(task)
    elif status == "cancelled":
        transitions.cancel([task.id], actor="ann", reason="not needed")
    return task.id


def after(*dependencies: UUID, **columns: Any) -> UUID:
    """A task parked until these have completed."""
    task = make(status="parked", waiting_for=transitions.DEPENDENCIES, **columns)
    for dependency in dependencies:
        TaskDependency.objects.create(task=task, depends_on_id=dependency)
    return task.pk


def fetch(task_id: UUID) -> Task:
    return Task.objects.get(pk=task_id)


def status(task_id: UUID) -> str:
    return Task.objects.values_list("status", flat=True).get(pk=task_id)


def events(task_id: UUID) -> list[TaskEvent]:
    return list(TaskEvent.objects.filter(task_id=task_id).order_by("seq"))


def path(task_id: UUID) -> list[str]:
    """The states that the events tell of, in their order."""
    return [event.to_status for event in events(task_id)]


def assert_sound(task_id: UUID) -> None:
    """The history of the task has no gap, fits together, and ends where the task stands."""
    task, history = fetch(task_id), events(task_id)
    assert [event.seq for event in history] == list(range(len(history)))
    assert task.transitions == len(history) - 1
    assert [event.from_status for event in history] == ["", *(e.to_status for e in history[:-1])]
    assert history[-1].to_status == task.status


def snapshot(task_id: UUID) -> dict[str, Any]:
    """Every column, to see that nothing moved."""
    return dict(Task.objects.filter(pk=task_id).values().get())


def unknown() -> UUID:
    return uuid4()


def raised(work: Callable[[], object]) -> Exception | None:
    """What `work` raises, for the side of a race that may lose with an error."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 a test looks at it
        return error
    return None
