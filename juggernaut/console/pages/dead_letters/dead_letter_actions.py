"""What an operator does to dead letters in the console; `juggernaut.console.actions.bulk` asks, does and
tells."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from governance.access.actors import Actor
from governance.models import DeadLetter
from governance.models.task import LIVE
from governance.tasks import services as tasks
from juggernaut.console.actions.bulk import BulkAction
from reliability.dead_letters import services as dead_letters

_NAMED: dict[str, Any] = {"noun": "dead letter", "known_by": ("failure_reason", "task_type")}


def _resolve(letter_ids: Sequence[UUID], *, actor: Actor, reason: str) -> dead_letters.Outcome:
    return dead_letters.resolve(letter_ids, actor=actor, note=reason)


def _move(task_ids: Sequence[UUID], *, actor: Actor, reason: str) -> tasks.Outcome:
    return dead_letters.move(task_ids, actor=actor, reason=reason)


RETRY = BulkAction(
    "retry",
    "Retried",
    dead_letters.retry,
    (DeadLetter.Status.PENDING,),
    "The task keeps its id, gets fresh attempts and passes the same gates as new work. The letter closes "
    "when the task completes; when it fails again, it comes back with its history.",
    is_destructive=False,
    insists=True,
    **_NAMED,
)
RESOLVE = BulkAction(
    "resolve",
    "Resolved",
    _resolve,
    (DeadLetter.Status.PENDING, DeadLetter.Status.RETRYING),
    "A resolved letter needs nobody any more; its note, you and the time are kept. "
    "The task stays as it is: one that has failed stays failed, one that runs goes on.",
    is_destructive=True,
    asks="note",
    **_NAMED,
)
MOVE = BulkAction(
    "move",
    "Moved",
    _move,
    LIVE,
    "It goes to the dead letters: the task fails with your reason as its error, and its dead letter waits "
    "for a person. A worker that runs it stops at its next step; what it returns later is kept apart.",
    is_destructive=True,
)
