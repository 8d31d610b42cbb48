"""The verbs of dead letters: move, retry, resolve. API, admin, commands and `core.dlq` call these.

Retrying moves the task; triggers move the letter along (see `governance.models.dead_letter`), so the two
agree whichever of them is changed, through whichever interface.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from governance.access.actors import Actor
from governance.db import notifications
from governance.errors import DeadLetterConflict, DeadLetterNotFound, FieldError, InvalidFilter
from governance.models import DeadLetter, Task
from governance.tasks import schemas, transitions
from governance.tasks import services as tasks
from reliability.dead_letters.filters import DeadLetterFilter

# Letters that one transaction locks.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb did to a set of letters: how each that it moved stands now, and how it found the others.

    Ids that are in neither are not known.
    """

    moved: dict[UUID, str]
    skipped: dict[UUID, str]


def move(task_ids: Sequence[UUID], *, actor: Actor, reason: str) -> tasks.Outcome:
    """Fail live tasks with a dead letter; needs `governance.move_deadletter`. A running worker's result is
    refused from then on. Raises `InvalidInput` if the reason says nothing: it is the letter's error."""
    actor.require("governance.move_deadletter")
    schemas.require_text("reason", reason)
    return tasks.apply(transitions.dead_letter, task_ids, actor, reason)


def move_one(task_id: UUID, *, actor: Actor, reason: str) -> UUID:
    """Move one task and return its dead letter's id; raises `TaskNotFound` or `TransitionConflict`."""
    with transaction.atomic():
        tasks.one(move, task_id, actor=actor, reason=reason)
        return letter_of(task_id)


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
        notifications.notify_workers(task.worker_id for task in moved if task.status == Task.Status.PENDING)
    return _outcome(letter_ids, (letter.pk for letter in locked), DeadLetter.Status.RETRYING)


def retry_once(letter_id: UUID, *, actor: Actor, reason: str) -> bool:
    """Retry a letter unless somebody has: true if this call did it, false if its task runs again already or
    has completed since. Raises `DeadLetterNotFound`, or `DeadLetterConflict` if a person closed it."""
    try:
        one(retry, letter_id, actor=actor, reason=reason)
    except DeadLetterConflict as conflict:
        if conflict.found == DeadLetter.Status.RETRYING or _has_completed(letter_id):
            return False
        raise
    return True


def resolve(letter_ids: Sequence[UUID], *, actor: Actor, note: str) -> Outcome:
    """Close open letters with a note; needs `governance.resolve_deadletter`. The task stays as it is.

    Raises `InvalidInput` if the note says nothing.
    """
    actor.require("governance.resolve_deadletter")
    schemas.require_text("note", note)
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


def resolve_all(
    chosen: DeadLetterFilter, *, actor: Actor, note: str, at_most: int | None = None
) -> Iterator[Outcome]:
    """Close all open letters that match, frozen at the first step; one outcome for each thousand.

    Raises `EmptyFilter` if nothing was said that must match, `InvalidFilter` if more than `at_most` do.
    """
    actor.require("governance.resolve_deadletter")
    ids = open_ids(chosen)
    if at_most is not None and len(ids) > at_most:
        message = f"{len(ids)} open dead letters match, at most {at_most} may: say more of what must match"
        raise InvalidFilter([FieldError("filter", message)])
    for batch in batches(ids):
        yield resolve(batch, actor=actor, note=note)


def open_ids(chosen: DeadLetterFilter) -> list[UUID]:
    """The ids of the open letters that match, oldest first; raises `EmptyFilter`."""
    chosen.require()
    letters = chosen.letters().exclude(status=DeadLetter.Status.RESOLVED)
    return list(letters.values_list("pk", flat=True).iterator(chunk_size=2000))


def batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """The ids in portions that one transaction may hold."""
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def one(verb: Callable[..., Outcome], letter_id: UUID, **arguments: Any) -> None:
    """Apply a verb to one letter; raises `DeadLetterNotFound`, or `DeadLetterConflict` with the state."""
    outcome = verb([letter_id], **arguments)
    if outcome.moved:
        return
    if letter_id not in outcome.skipped:
        raise DeadLetterNotFound(letter_id)
    raise DeadLetterConflict(letter_id, verb.__name__, outcome.skipped[letter_id])


def _has_completed(letter_id: UUID) -> bool:
    return DeadLetter.objects.filter(pk=letter_id, outcome=DeadLetter.Outcome.COMPLETED).exists()


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
