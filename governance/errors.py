"""What the law can answer instead of doing what was asked."""

from dataclasses import dataclass
from uuid import UUID


class GovernanceError(Exception):
    """Base of every refusal of the law. Its text is fit for an operator's eyes."""


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: where, what was found wrong, what was expected.

    `index` is the number of the task, from 0, when several were submitted together.
    """

    field: str
    message: str
    index: int | None = None

    def __str__(self) -> str:
        place = self.field if self.index is None else f"task {self.index}: {self.field}"
        return f"{place}: {self.message}"


class InvalidInput(GovernanceError):
    """What was said cannot be acted upon. `errors` names every field that is wrong."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


class InvalidSubmission(InvalidInput):
    """A task that cannot be accepted as it stands."""


class InvalidFilter(InvalidInput):
    """A question that cannot be answered: an unknown filter, or a value that it cannot have."""


class InvalidJson(InvalidInput):
    """Text that is not JSON, or is more than one reading of it allows."""

    def __init__(self, message: str) -> None:
        super().__init__([FieldError("body", message)])


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


class DeadLetterNotFound(GovernanceError):
    """There is no dead letter with this id."""

    def __init__(self, letter_id: UUID | str) -> None:
        super().__init__(f"no dead letter has the id {letter_id}")
        self.letter_id = letter_id


class DeadLetterConflict(GovernanceError):
    """The dead letter is not in a state in which this can be done. `found` is the state it was in."""

    def __init__(self, letter_id: UUID, verb: str, found: str) -> None:
        super().__init__(f"cannot {verb} dead letter {letter_id}: it is {found}")
        self.letter_id = letter_id
        self.verb = verb
        self.found = found


class GroupNotFound(GovernanceError):
    """There is no group of dead letters with this id."""

    def __init__(self, group_id: UUID | str) -> None:
        super().__init__(f"no group of dead letters has the id {group_id}")
        self.group_id = group_id


class EmptyFilter(GovernanceError):
    """Something was to be done to everything that matches, and nothing was said that must match."""

    def __init__(self, known: list[str]) -> None:
        super().__init__(f"an empty filter matches everything: name at least one of {', '.join(known)}")
        self.known = known


class PermissionNotFound(GovernanceError):
    """There is no such row to revoke."""

    def __init__(self, worker_id: str, tool_name: str, effect: str) -> None:
        super().__init__(f"no permission says {effect} {worker_id} {tool_name}")
        self.worker_id = worker_id
        self.tool_name = tool_name


class ApprovalNotFound(GovernanceError):
    """There is no approval with this id."""

    def __init__(self, approval_id: UUID | str) -> None:
        super().__init__(f"no approval has the id {approval_id}")
        self.approval_id = approval_id


class ApprovalConflict(GovernanceError):
    """The approval is not in a state in which this can be done. `found` is the state it was in."""

    def __init__(self, approval_id: UUID, verb: str, found: str) -> None:
        super().__init__(f"cannot {verb} approval {approval_id}: it is {found}")
        self.approval_id = approval_id
        self.verb = verb
        self.found = found
