"""Tasks that wait, as tests make them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from governance.models import Task
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from governance.tasks.waits import Wait, WaitKind
from tests.governance import lives


def parked(kind: WaitKind | str, name: str, *, worker: str = "EXECUTOR", **more: Any) -> UUID:
    """A task that ran and had to wait for this; `more` are terms of the wait."""
    task = lives.held(assigned_worker=worker)
    wait = Wait(kind=WaitKind(kind), name=name, sentence=f"waits for {name}", **more)
    assert transitions.park([AttemptReport(task.id, task.token, wait=wait)], process_id=lives.PROCESS)
    return task.id


def inserted(count: int, kind: str, name: str, **more: str) -> None:
    """So many tasks that wait for this, as rows typed into psql; the first was due first."""
    columns = {"kind": kind, "name": name, "sentence": "waits", **more}
    Task.objects.bulk_create(
        Task(
            task_type="noop", status="parked", waiting_for="something", wait=columns,
            run_after=lives.ago(7200 - number),
        )
        for number in range(count)
    )  # fmt: skip


def is_waiting(task_id: UUID) -> bool:
    row = lives.fetch(task_id)
    if row.status == "pending":
        assert (row.wait, row.waiting_for) == (None, "")
        lives.assert_sound(task_id)
    return row.status in {"parked", "waiting_approval"}


def why_released(task_id: UUID) -> tuple[str, str]:
    """Who released it, and the reason in its history."""
    event = lives.events(task_id)[-1]
    assert event.to_status == "pending"
    return event.actor, event.reason


def ago(seconds: float) -> datetime:
    return lives.ago(seconds)
