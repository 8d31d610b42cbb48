"""Errors raised by governance services. Messages are safe to show to operators."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


class GovernanceError(Exception):
    """Base of every refusal of governance. Its text is fit for an operator's eyes."""


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
    """A task that cannot be accepted as it stands. `payload_types`: whose payload is wrong."""

    def __init__(self, errors: list[FieldError], *, payload_types: Iterable[str] = ()) -> None:
        super().__init__(errors)
        self.payload_types = tuple(dict.fromkeys(payload_types))


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


class WorkerNotFound(GovernanceError):
    """No worker has this name; `known` are those that there are."""

    def __init__(self, worker_id: str, known: list[str]) -> None:
        super().__init__(f"unknown worker {worker_id!r}; expected one of: {', '.join(known)}")
        self.worker_id = worker_id
        self.known = known


class RecurringNotFound(GovernanceError):
    """There is no recurring task with this id."""

    def __init__(self, recurring_id: UUID | str) -> None:
        super().__init__(f"no recurring task has the id {recurring_id}")
        self.recurring_id = recurring_id


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


class BudgetExceeded(GovernanceError):
    """The call does not fit into a budget. Names the tightest window; `ends_at` is None for a task's.

    Money is USD; `used_usd` is what counts against the limit: spent, held and carried.
    """

    def __init__(
        self,
        scope: str,
        kind: str,
        limit_usd: Decimal,
        used_usd: Decimal,
        ends_at: datetime | None,
        *,
        asked_usd: Decimal,
    ) -> None:
        self.scope, self.kind, self.ends_at = scope, kind, ends_at
        self.limit_usd, self.used_usd, self.asked_usd = limit_usd, used_usd, asked_usd
        until = f" until {ends_at:%Y-%m-%d %H:%M} UTC" if ends_at else ""
        super().__init__(
            f"budget of {scope} for the {kind} ({limit_usd:f} USD{until}) has {self.left_usd:f} USD left,"
            f" the call may cost {asked_usd:f} USD"
        )

    @property
    def left_usd(self) -> Decimal:
        return max(Decimal(0), self.limit_usd - self.used_usd)


class LeaseLost(GovernanceError):
    """The task is not in progress under this lease any more: nothing is done for it."""

    def __init__(self, task_id: UUID | None) -> None:
        super().__init__(f"task {task_id} was taken from this worker")
        self.task_id = task_id


class HoldNotFound(GovernanceError):
    """There is no budget hold with this id."""

    def __init__(self, hold_id: UUID | str) -> None:
        super().__init__(f"no budget hold has the id {hold_id}")
        self.hold_id = hold_id


class HoldConflict(GovernanceError):
    """The hold is not in a state in which this can be done. `found` is the state it was in."""

    def __init__(self, hold_id: UUID, verb: str, found: str) -> None:
        super().__init__(f"cannot {verb} budget hold {hold_id}: it is {found}")
        self.hold_id = hold_id
        self.verb = verb
        self.found = found


class UnknownPrice(GovernanceError):
    """Nobody knows what the model costs, so it is not called."""

    def __init__(self, service: str, model: str) -> None:
        super().__init__(f"no price is known for the model {model!r} of {service!r}: an operator can set one")
        self.service = service
        self.model = model


class RateLimitNotFound(GovernanceError):
    """There is no rate limit with this name; `known` are those that there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no rate limit has the name {name!r}; known: {', '.join(known) or 'none'}")
        self.name = name
        self.known = known


class RetentionRuleNotFound(GovernanceError):
    """There is no rule of retention with this name; `known` are those that there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no rule of retention has the name {name!r}; known: {', '.join(known)}")
        self.name = name
        self.known = known


class BudgetNotFound(GovernanceError):
    """No budget goes by this name: a worker, FLEET, or `task:<id>` of a task with an envelope."""

    def __init__(self, scope: str, known: list[str]) -> None:
        super().__init__(f"no budget has the scope {scope!r}; known: {', '.join(known)}")
        self.scope = scope
        self.known = known


class PriceNotFound(GovernanceError):
    """No operator has set a price for this model."""

    def __init__(self, service: str, model: str) -> None:
        super().__init__(f"no price is set for the model {model!r} of {service!r}")
        self.service = service
        self.model = model


class ExecutionNotFound(GovernanceError):
    """There is no record of a call with this id."""

    def __init__(self, execution_id: UUID | str) -> None:
        super().__init__(f"no call has the id {execution_id}")
        self.execution_id = execution_id
