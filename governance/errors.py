"""What the law can answer instead of doing what was asked."""

from dataclasses import dataclass
from uuid import UUID


class GovernanceError(Exception):
    """Base of every refusal of the law. Its text is fit for an operator's eyes."""


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: where, what was found wrong, what was expected."""

    field: str
    message: str


class InvalidSubmission(GovernanceError):
    """A task that cannot be accepted as it stands. `errors` names every field that is wrong."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


class IdempotencyMismatch(GovernanceError):
    """The same key came with a different task than the first time."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency-Key {key!r} was used before for a different task")
        self.key = key


class TaskNotFound(GovernanceError):
    """There is no task with this id."""

    def __init__(self, task_id: UUID | str) -> None:
        super().__init__(f"no task has the id {task_id}")
        self.task_id = task_id


class TransitionConflict(GovernanceError):
    """The task is not in a state from which this edge leads. `found` is the state it was in."""

    def __init__(self, task_id: UUID, verb: str, found: str) -> None:
        super().__init__(f"cannot {verb} task {task_id}: it is {found}")
        self.task_id = task_id
        self.verb = verb
        self.found = found


class Forbidden(GovernanceError):
    """The actor lacks a permission; `permission` is its Django name."""

    def __init__(self, actor: str, permission: str) -> None:
        super().__init__(f"{actor} may not do this: it needs the permission {permission}")
        self.permission = permission
