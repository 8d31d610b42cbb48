"""The context of a running task."""

import math
from uuid import UUID

from reliability.failures import Stopped


class TaskContext:
    """Handed to every task type beside its payload. `attempt` counts from 1.

    `lease_token` fences what is done for the task: whoever lost it is refused. `ends_at` is when the
    attempt is over, on the monotonic clock. `crash_attempts` is how many processes have died under it
    since it last got on.
    """

    __slots__ = ("attempt", "crash_attempts", "ends_at", "is_stopped", "lease_token", "task_id", "worker_id")

    def __init__(
        self, *, task_id: UUID, worker_id: str, attempt: int, lease_token: int = 0, crash_attempts: int = 0
    ) -> None:
        self.task_id = task_id
        self.worker_id = worker_id
        self.attempt = attempt
        self.lease_token = lease_token
        self.crash_attempts = crash_attempts
        self.ends_at = math.inf
        self.is_stopped = False

    def check(self) -> None:
        """Raise `Stopped` if the task was taken from this worker. Plain functions call it between steps;
        async ones need not: they are cancelled at their next `await`."""
        if self.is_stopped:
            raise Stopped(f"task {self.task_id} was taken from this worker")
