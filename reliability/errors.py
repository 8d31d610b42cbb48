"""Errors of reliability, one class per decision that a caller can take."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from governance.errors import GovernanceError


class ReliabilityError(Exception):
    """Base of the errors of this app."""


class NotAQueue(ReliabilityError):
    """Somebody sent a django-q2 message to the workers, who take their work from `governance_tasks`."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        super().__init__(
            f"the cluster {queue!r} takes no django-q2 messages: submit a task instead; "
            "its workers read the table governance_tasks"
        )


class ClusterDead(ReliabilityError):
    """The cluster cannot go on and whoever started it should start it again."""


class RedriveNotFound(ReliabilityError, GovernanceError):
    """There is no redrive with this id."""

    def __init__(self, redrive_id: UUID | str) -> None:
        super().__init__(f"no redrive has the id {redrive_id}")
        self.redrive_id = redrive_id


class RedriveConflict(ReliabilityError, GovernanceError):
    """The redrive is not in a state in which this can be done. `found` is the state it was in."""

    def __init__(self, redrive_id: UUID, verb: str, found: str) -> None:
        super().__init__(f"cannot {verb} redrive {redrive_id}: it is {found}")
        self.redrive_id = redrive_id
        self.verb = verb
        self.found = found


class BreakerOpen(ReliabilityError):
    """A breaker refuses the call. `left_seconds` is how long still, none until an operator acts."""

    def __init__(self, name: str, *, kind: str, cause: str, left_seconds: float | None) -> None:
        self.name = name
        self.kind = kind
        self.cause = cause
        self.left_seconds = left_seconds
        self.retry_at = None if left_seconds is None else timezone.now() + timedelta(seconds=left_seconds)
        when = "an operator acts" if self.retry_at is None else f"{self.retry_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        super().__init__(f"circuit breaker {name} refuses calls ({cause}); not before {when}")


class BreakerNotFound(ReliabilityError, GovernanceError):
    """There is no breaker with this name; `known` are those that there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        names = ", ".join(known) if known else "none so far"
        super().__init__(f"no circuit breaker has the name {name!r}; known: {names}")
        self.name = name
        self.known = known


class RateLimited(ReliabilityError):
    """A rate limit has no room for the call before `retry_at`."""

    def __init__(self, name: str, *, max_calls: int, per: float, left_seconds: float) -> None:
        self.name = name
        self.retry_at = timezone.now() + timedelta(seconds=left_seconds)
        super().__init__(
            f"rate limit {name}: {max_calls} calls in {per:g} s have been made;"
            f" not before {self.retry_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        )
