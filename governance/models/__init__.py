"""The rows of the law: tasks and what happened to them, workers and their processes."""

from governance.models.dead_letter import DeadLetter, FailureHour, FailureSignature
from governance.models.event import LateResult, TaskEvent
from governance.models.task import Task, TaskDependency
from governance.models.worker import Worker, WorkerProcess

__all__ = [
    "DeadLetter",
    "FailureHour",
    "FailureSignature",
    "LateResult",
    "Task",
    "TaskDependency",
    "TaskEvent",
    "Worker",
    "WorkerProcess",
]
