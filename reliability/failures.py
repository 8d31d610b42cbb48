"""Failures that a task type raises. Anything else it raises counts as transient."""

from datetime import timedelta

from governance.tasks.waits import Wait


class TaskFailure(Exception):
    """Base of the failures that a task type may raise on purpose.

    `tool_name` and `service` say which call failed, if one did: dead letters are grouped by them.
    `is_outcome_unknown` is set by the call pipeline: the call was sent, and nobody knows whether it was
    carried out.
    """

    is_outcome_unknown = False

    def __init__(self, message: str, *, tool_name: str = "", service: str = "") -> None:
        super().__init__(message)
        self.tool_name = tool_name
        self.service = service


class PermanentFailure(TaskFailure):
    """It will fail again however often it is tried: a bad request, an unknown thing."""


class Denied(PermanentFailure):
    """The worker may not do what the task needs."""


class DeadlinePassed(PermanentFailure):
    """The task's own deadline came while it ran."""


class TransientFailure(TaskFailure):
    """It may pass: a timeout, an outage. `retry_after` is the earliest next try (`Retry-After`)."""

    def __init__(
        self, message: str, *, retry_after: timedelta | None = None, tool_name: str = "", service: str = ""
    ) -> None:
        super().__init__(message, tool_name=tool_name, service=service)
        self.retry_after = retry_after


class OutcomeUnknown(TransientFailure):
    """A call was sent, and nobody knows whether it was carried out: a timeout, a broken connection."""

    is_outcome_unknown = True


class Stopped(Exception):
    """The task was taken from this worker (cancelled, terminated, lease lost); leave as soon as you can."""


class Postponed(Exception):
    """The task cannot go on now, through no fault of its own: it is parked until what it waits for comes, and
    the attempt does not count. Task types let it through; what they have finished they must have stored."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.sentence)
        self.wait = wait
