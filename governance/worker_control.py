"""The verbs of workers: pause, resume, and how many tasks a process runs at a time."""

from collections.abc import Collection

from django.db import transaction

from governance import doorbell
from governance.actors import Actor
from governance.models import Worker

PERMISSION = "governance.change_worker"


def pause(worker_ids: Collection[str], *, actor: Actor) -> list[str]:
    """Give these workers nothing new; what they run goes on. Returns those that were active."""
    return _turn(worker_ids, to=Worker.Status.PAUSED, actor=actor)


def resume(worker_ids: Collection[str], *, actor: Actor) -> list[str]:
    """Let these workers take tasks again, at once. Returns those that were paused."""
    return _turn(worker_ids, to=Worker.Status.ACTIVE, actor=actor)


def set_concurrency(worker_id: str, *, max_concurrency: int, actor: Actor) -> None:
    """How many of its tasks one process runs at a time, at least 1. Binds within seconds."""
    actor.require(PERMISSION)
    Worker.objects.filter(pk=worker_id).update(max_concurrency=max_concurrency)


def _turn(worker_ids: Collection[str], *, to: Worker.Status, actor: Actor) -> list[str]:
    actor.require(PERMISSION)
    with transaction.atomic():
        found = Worker.objects.select_for_update().order_by("pk").filter(pk__in=worker_ids).exclude(status=to)
        turned = [worker.worker_id for worker in found]
        Worker.objects.filter(pk__in=turned).update(status=to)
        if to == Worker.Status.ACTIVE:
            doorbell.ring(turned)
    return turned
