"""How a task type says what kind of failure it met. Anything else it raises counts as transient."""

from datetime import timedelta


class TaskFailure(Exception):
    """Base of the failures that a task type may raise on purpose."""


class PermanentFailure(TaskFailure):
    """It will fail again however often it is tried: a bad request, a denied call, an unknown thing."""


class DeadlinePassed(PermanentFailure):
    """The task's own deadline came while it ran."""


class TransientFailure(TaskFailure):
    """It may pass: a timeout, an outage. `retry_after` is the earliest next try (`Retry-After`)."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Stopped(Exception):
    """The task was taken from this worker (cancelled, terminated, lease lost); leave as soon as you can."""
