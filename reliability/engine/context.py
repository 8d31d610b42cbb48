"""What a running task knows about itself."""

from uuid import UUID

from reliability.failures import Stopped


class TaskContext:
    """Handed to every task type beside its payload. `attempt` counts from 1."""

    __slots__ = ("attempt", "is_stopped", "task_id", "worker_id")

    def __init__(self, *, task_id: UUID, worker_id: str, attempt: int) -> None:
        self.task_id = task_id
        self.worker_id = worker_id
        self.attempt = attempt
        self.is_stopped = False

    def check(self) -> None:
        """Raise `Stopped` if the task was taken from this worker. Plain functions call it between steps;
        async ones need not: they are cancelled at their next `await`."""
        if self.is_stopped:
            raise Stopped(f"task {self.task_id} was taken from this worker")
