"""Transition records: claimed tasks, attempt reports, and applied transitions."""

from typing import NamedTuple
from uuid import UUID

from governance.tasks.waits import Wait

MAX_CRASHES = 3
SUSPECT_CRASHES = 2

# The reason in the event of a run that a shutdown cut short: it is no attempt.
GIVEN_BACK = "given back"


class ClaimedTask(NamedTuple):
    """A task that this process now holds, as the claim found it.

    `payload` is JSON text, `deadline_in` seconds from the claim."""

    id: UUID
    task_type: str
    payload: str
    worker_id: str
    attempt: int
    error_attempts: int
    max_attempts: int
    token: int
    timeout_seconds: int
    deadline_in: float | None
    crash_attempts: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether two processes have died under it."""
        return self.crash_attempts >= SUSPECT_CRASHES


class AttemptReport(NamedTuple):
    """What became of one held task. `result` is JSON text; `delay` is seconds until the next attempt.

    `failure` says why the task is given up: `cause` (one of `DeadLetter.Cause`), `error_class`, and
    `tool_name` and `service` if a call failed. `wait` is what it is parked for.
    """

    id: UUID
    token: int
    result: bytes | None = None
    error: str = ""
    delay: float = 0.0
    failure: dict[str, str] | None = None
    wait: Wait | None = None


class Transition(NamedTuple):
    """One row that an edge moved."""

    id: UUID
    was: str
    status: str
    worker_id: str
