"""The life of a task as a tree: what happened to it, newest first, each attempt a branch with what it did.

The trunk is what was done to the task: submitted, parked, released, retried by somebody or by a redrive. An
attempt branches off it, with the calls it made and the children it gave birth to. Pure: it is told the rows.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from governance.models import Task, TaskEvent
from juggernaut.console.pages.tasks.task_tree import Node

_REDRIVE = re.compile(r"\s*\(redrive ([0-9a-f-]{36})\)$")
_Status = Task.Status


@dataclass
class TimelineEntry:
    """Something that happened on the trunk; an attempt if `is_run`, with what it did."""

    event: TaskEvent | None
    ended: TaskEvent | None = None
    is_run: bool = False
    attempt: int = 0
    calls: list[Any] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    after: timedelta | None = None

    @property
    def began_at(self) -> datetime | None:
        return self.event.created_at if self.event else None

    @property
    def says(self) -> str:
        """How it came about, in a word or two; for an attempt how it ended."""
        if self.is_run:
            return _ENDS.get(self.ended.to_status, self.ended.to_status) if self.ended else "running"
        assert self.event is not None
        return _deed(self.event)

    @property
    def tone(self) -> str:
        """The colour of its dot, by the state that it led to."""
        last = self.ended or self.event
        return _TONES.get(last.to_status if last else "", "waiting")

    @property
    def took(self) -> timedelta | None:
        if self.event and self.ended:
            return self.ended.created_at - self.event.created_at
        return None

    @property
    def actor(self) -> str:
        last = self.event or self.ended
        return last.actor if last else ""

    @property
    def reason(self) -> str:
        last = self.ended if self.is_run else self.event
        return _REDRIVE.sub("", last.reason) if last else ""

    @property
    def redrive_id(self) -> str:
        """The redrive that gave the task another round, if one did."""
        found = _REDRIVE.search(self.event.reason) if self.event and not self.is_run else None
        return found[1] if found else ""


_ENDS: dict[str, str] = {
    _Status.COMPLETED: "completed", _Status.FAILED: "failed", _Status.CANCELLED: "cancelled",
    _Status.PENDING: "goes back in line", _Status.PARKED: "parked", _Status.WAITING_APPROVAL: "asks a person",
}  # fmt: skip
_TONES: dict[str, str] = {
    _Status.COMPLETED: "good", _Status.FAILED: "bad", _Status.CANCELLED: "ended", _Status.PENDING: "waiting",
    _Status.PARKED: "held", _Status.WAITING_APPROVAL: "held", _Status.IN_PROGRESS: "running",
}  # fmt: skip


def _deed(event: TaskEvent) -> str:
    if not event.from_status:
        return "submitted"
    if event.to_status == _Status.PENDING:
        is_over = event.from_status in (_Status.FAILED, _Status.CANCELLED, _Status.COMPLETED)
        return ("redriven" if _REDRIVE.search(event.reason) else "retried") if is_over else "released"
    return _ENDS.get(event.to_status, event.to_status.replace("_", " "))


def build_timeline(
    events: Sequence[TaskEvent], *, calls: Iterable[Any] = (), children: Iterable[Node] = ()
) -> list[TimelineEntry]:
    """The branches, newest first. `events` are newest first too, calls and children in any order."""
    branches = _branches(list(reversed(events)))
    for earlier, later in pairwise(branches):
        before, now = earlier.ended or earlier.event, later.event
        later.after = now.created_at - before.created_at if before and now else None
    for call in sorted(calls, key=lambda call: call.created_at):
        if run := _run_at(branches, call.created_at):
            run.calls.append(call)
    for child in children:
        if run := _run_at(branches, child.created_at):
            run.children.append(child)
    return branches[::-1]


def _branches(events: Sequence[TaskEvent]) -> list[TimelineEntry]:
    branches: list[TimelineEntry] = []
    for event in events:
        last = branches[-1] if branches else None
        if event.to_status == _Status.IN_PROGRESS:
            branches.append(TimelineEntry(event, is_run=True, attempt=event.attempt))
        elif event.from_status == _Status.IN_PROGRESS and last and last.is_run and last.ended is None:
            last.ended = event
        elif event.from_status == _Status.IN_PROGRESS:  # where the history is cut
            branches.append(TimelineEntry(None, ended=event, is_run=True, attempt=event.attempt))
        else:
            branches.append(TimelineEntry(event))
    return branches


def _run_at(branches: Sequence[TimelineEntry], moment: datetime) -> TimelineEntry | None:
    """The last attempt that had begun by then; a child made by somebody else belongs to none before it."""
    begun = [one for one in branches if one.is_run and one.began_at and one.began_at <= moment]
    return begun[-1] if begun else None
