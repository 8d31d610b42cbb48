"""The verbs of dead letters: move, retry, resolve. API, admin, commands and `core.dlq` call these.

Retrying moves the task; triggers move the letter along (see `governance.models.dead_letter`), so the two
agree whichever of them is changed, by whatever door.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from governance import doorbell, tasks, transitions
from governance.actors import Actor
from governance.errors import DeadLetterConflict, DeadLetterNotFound
from governance.models import DeadLetter, Task


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb did to a set of letters: how each that it moved stands now, and how it found the others.

    Ids that are in neither are not known.
    """

    moved: dict[UUID, str]
    skipped: dict[UUID, str]


def move(task_ids: Sequence[UUID], *, actor: Actor, reason: str) -> tasks.Outcome:
    """Fail live tasks with a dead letter; needs `governance.move_deadletter`. A running worker's result is
    refused from then on."""
    actor.require("governance.move_deadletter")
    return tasks.apply(transitions.dead_letter, task_ids, actor, reason)


def letter_of(task_id: UUID) -> UUID:
    """The open dead letter of a task."""
    return DeadLetter.objects.values_list("pk", flat=True).get(open_task_id=task_id)


def retry(letter_ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    """Give the tasks of pending letters fresh attempts; needs `governance.retry_deadletter`.

    The task keeps its id and idempotency key and passes the same gates as new work. A letter that is
    retrying already, or resolved, is skipped: two operators at once retry once.
    """
    actor.require("governance.retry_deadletter")
    with transaction.atomic():
        locked = _locked(letter_ids, DeadLetter.Status.PENDING)
        moved = transitions.retry([letter.task_id for letter in locked], actor=actor.name, reason=reason)
        doorbell.ring(task.worker_id for task in moved if task.status == Task.Status.PENDING)
    return _outcome(letter_ids, (letter.pk for letter in locked), DeadLetter.Status.RETRYING)


def resolve(letter_ids: Sequence[UUID], *, actor: Actor, note: str) -> Outcome:
    """Close open letters with a note; needs `governance.resolve_deadletter`. The task stays as it is."""
    actor.require("governance.resolve_deadletter")
    now = timezone.now()
    with transaction.atomic():
        locked = _locked(letter_ids, DeadLetter.Status.PENDING, DeadLetter.Status.RETRYING)
        DeadLetter.objects.filter(pk__in=[letter.pk for letter in locked]).update(
            status=DeadLetter.Status.RESOLVED,
            outcome=DeadLetter.Outcome.RESOLVED,
            resolution=note,
            resolved_by=actor.name,
            resolved_at=now,
        )
    return _outcome(letter_ids, (letter.pk for letter in locked), DeadLetter.Status.RESOLVED)


def one(verb: Callable[..., Outcome], letter_id: UUID, **arguments: Any) -> None:
    """Apply a verb to one letter; raises `DeadLetterNotFound`, or `DeadLetterConflict` with the state."""
    outcome = verb([letter_id], **arguments)
    if outcome.moved:
        return
    if letter_id not in outcome.skipped:
        raise DeadLetterNotFound(letter_id)
    raise DeadLetterConflict(letter_id, verb.__name__, outcome.skipped[letter_id])


def _locked(letter_ids: Sequence[UUID], *states: str) -> list[DeadLetter]:
    """The letters in these states, their tasks locked first: the order in which failing locks them, too."""
    letters = DeadLetter.objects.filter(pk__in=letter_ids)
    task_ids = list(letters.order_by("task_id").values_list("task_id", flat=True))
    list(Task.objects.filter(pk__in=task_ids).order_by("pk").select_for_update().values_list("pk"))
    return list(letters.filter(status__in=states).order_by("pk").select_for_update())


def _outcome(letter_ids: Sequence[UUID], moved: Iterable[UUID], state: str) -> Outcome:
    done = dict.fromkeys(moved, state)
    left = [letter_id for letter_id in letter_ids if letter_id not in done]
    found = DeadLetter.objects.filter(pk__in=left).values_list("pk", "status") if left else ()
    return Outcome(moved=done, skipped=dict(found))
