"""What an operator does to a redrive under way; `juggernaut.console.actions.bulk` asks, does and tells."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from governance.access.actors import Actor
from juggernaut.console.actions.bulk import BulkAction
from reliability import redrives
from reliability.dead_letters.services import Outcome
from reliability.errors import RedriveConflict, RedriveNotFound
from reliability.models import Redrive

_State = Redrive.State
_NAMED: dict[str, Any] = {"noun": "redrive", "known_by": ("filter_text", "reason"), "column": "state"}


def _each(ids: Sequence[UUID], turn: Callable[[UUID], Redrive]) -> Outcome:
    outcome = Outcome(moved={}, skipped={})
    for redrive_id in ids:
        try:
            outcome.moved[redrive_id] = turn(redrive_id).state
        except RedriveConflict as conflict:
            outcome.skipped[redrive_id] = conflict.found
        except RedriveNotFound:
            continue
    return outcome


def _pause(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    return _each(ids, lambda redrive_id: redrives.pause(redrive_id, actor=actor, reason=reason))


def _resume(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    return _each(ids, lambda redrive_id: redrives.resume(redrive_id, actor=actor))


def _abort(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    return _each(ids, lambda redrive_id: redrives.abort(redrive_id, actor=actor, reason=reason))


PAUSE = BulkAction(
    "pause",
    "Paused",
    _pause,
    (_State.RUNNING,),
    "Nothing more is handed over until somebody resumes it. What was handed over goes on.",
    is_destructive=False,
    **_NAMED,
)
RESUME = BulkAction(
    "resume",
    "Resumed",
    _resume,
    (_State.PAUSED,),
    "It goes on where it was, at its pace.",
    is_destructive=False,
    asks="",
    **_NAMED,
)
ABORT = BulkAction(
    "abort",
    "Aborted",
    _abort,
    (_State.RUNNING, _State.PAUSED),
    "It ends for good: the letters that wait stay pending. What was handed over goes on, and its outcome "
    "is still written down.",
    is_destructive=True,
    **_NAMED,
)
EVERY = (PAUSE, RESUME, ABORT)
