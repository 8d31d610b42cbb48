"""Tasks as tests submit them, and ways to put them into each state without an engine."""

from typing import Any
from uuid import UUID, uuid4

from governance.access.actors import Actor
from governance.tasks import schemas, transitions
from governance.tasks import services as tasks
from governance.tasks.transitions.types import AttemptReport

METRIC = {"eval_type": "metric", "metric_value": 100}
EVALUATION: dict[str, Any] = {"title": "Health check", "task_type": "evaluation", "payload": METRIC}
SYSTEM = Actor("command:tests", is_trusted=True)


def submit(**fields: Any) -> UUID:
    """Create an evaluation and return its id."""
    [receipt] = tasks.submit([schemas.parse(EVALUATION | fields)], actor=SYSTEM)
    return receipt.id


def running() -> tuple[UUID, UUID, int]:
    """A task in progress: its id, the process that holds it, and its lease token."""
    task_id, process = submit(), uuid4()
    [claimed] = transitions.claim(process_id=process, free={"ANALYST": 1})
    assert claimed.id == task_id
    return task_id, process, claimed.token


def in_state(status: str) -> UUID:
    """A task that got into this state by the edges that lead there."""
    if status in {"in_progress", "completed"}:
        task_id, process, token = running()
        if status == "completed":
            transitions.complete([AttemptReport(task_id, token, b'{"passed": true}')], process_id=process)
        return task_id
    if status == "parked":
        return submit(depends_on=[str(submit())])
    task_id = submit()
    if status == "failed":
        transitions.terminate([task_id], actor="tests", reason="broken")
    if status == "cancelled":
        transitions.cancel([task_id], actor="tests", reason="not wanted")
    return task_id
