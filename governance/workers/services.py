"""The verbs of workers and of the fleet as a whole: pause, resume, how many tasks a process runs at a time.

The database audits each change, with who and why, whichever interface it came through (migration 0012).
"""

from collections.abc import Collection
from dataclasses import dataclass

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.db import notifications
from governance.errors import FieldError, InvalidInput, WorkerNotFound
from governance.models import Fleet, Worker
from governance.tasks import transitions
from governance.tasks.schemas import require_text

PERMISSION = "governance.change_worker"
MOST_AT_A_TIME = 10_000
FLEET_PERMISSION = "governance.pause_fleet"
# So many tasks that waited for the end of a pause are released with it; the watchdog's sweep does the rest.
AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class PauseResult:
    """How those stand that were turned, and how the others stood already, by name."""

    moved: dict[str, str]
    skipped: dict[str, str]


def pause(worker_ids: Collection[str], *, actor: Actor, reason: str) -> PauseResult:
    """Give these workers nothing new; what they run goes on until its next call, and waits there.

    Raises `WorkerNotFound`, `InvalidInput` without a reason, `Forbidden`.
    """
    require_text("reason", reason)
    return _turn(worker_ids, Worker.Status.PAUSED, actor, "pause", reason)


def resume(worker_ids: Collection[str], *, actor: Actor, reason: str = "") -> PauseResult:
    """Let these workers take tasks again, at once. Raises `WorkerNotFound`, `Forbidden`."""
    return _turn(worker_ids, Worker.Status.ACTIVE, actor, "resume", reason)


def pause_fleet(*, actor: Actor, reason: str) -> bool:
    """Nobody is given anything new, and no running task makes another call. False if it was paused already.

    Needs `governance.pause_fleet`. Raises `InvalidInput` without a reason.
    """
    require_text("reason", reason)
    return _turn_fleet(Fleet.Status.PAUSED, actor, "pause", reason)


def resume_fleet(*, actor: Actor, reason: str = "") -> bool:
    """Go on, at once; workers that are paused by themselves stay so. False if it was not paused."""
    return _turn_fleet(Fleet.Status.ACTIVE, actor, "resume", reason)


def fleet() -> Fleet:
    """How the fleet stands. One that is missing counts as paused, everywhere
    (`governance.workers.pause_check`)."""
    return Fleet.objects.first() or Fleet(
        name="FLEET",
        status=Fleet.Status.PAUSED,
        reason="the table fleet has no row FLEET",
        paused_by="",
        paused_at=None,
    )


def set_concurrency(worker_id: str, *, max_concurrency: int, actor: Actor, reason: str = "") -> None:
    """How many of its tasks one process runs at a time, 1 to 10,000. Binds within seconds.

    Raises `WorkerNotFound`, `InvalidInput`, `Forbidden`.
    """
    actor.require(PERMISSION)
    if not 1 <= max_concurrency <= MOST_AT_A_TIME:
        message = f"a number from 1 to {MOST_AT_A_TIME} is expected (got {max_concurrency})"
        raise InvalidInput([FieldError("max_concurrency", message)])
    with audit.acting(actor, verb="set_concurrency", reason=reason):
        if not Worker.objects.filter(pk=worker_id).update(max_concurrency=max_concurrency):
            raise WorkerNotFound(worker_id, sorted(Worker.objects.values_list("pk", flat=True)))


def _turn(
    worker_ids: Collection[str], to: Worker.Status, actor: Actor, verb: str, reason: str
) -> PauseResult:
    actor.require(PERMISSION)
    with audit.acting(actor, verb=verb, reason=reason):
        found = Worker.objects.select_for_update().order_by("pk").filter(pk__in=worker_ids)
        states = dict(found.values_list("pk", "status"))
        if unknown := sorted(set(worker_ids) - set(states)):
            raise WorkerNotFound(unknown[0], sorted(Worker.objects.values_list("pk", flat=True)))
        turned = [worker_id for worker_id, status in states.items() if status != to]
        Worker.objects.filter(pk__in=turned).update(status=to)
        if to == Worker.Status.ACTIVE:
            _wake(turned, actor)
    skipped = {worker_id: status for worker_id, status in states.items() if status == to}
    return PauseResult(dict.fromkeys(turned, to.value), skipped)


def _turn_fleet(to: Fleet.Status, actor: Actor, verb: str, reason: str) -> bool:
    actor.require(FLEET_PERMISSION)
    with audit.acting(actor, verb=verb, reason=reason):
        Fleet.objects.get_or_create(pk="FLEET")
        is_turned = Fleet.objects.exclude(status=to).update(status=to) == 1
        if to == Fleet.Status.ACTIVE:
            _wake(Worker.objects.filter(status=Worker.Status.ACTIVE).values_list("pk", flat=True), actor)
    return is_turned


def _wake(worker_ids: Collection[str], actor: Actor) -> None:
    """What waited goes on, and who may take tasks again looks for them."""
    released = transitions.release_unpaused(limit=AT_ONCE, actor=actor.name)
    notifications.notify_workers({*worker_ids, *(task.worker_id for task in released)})
