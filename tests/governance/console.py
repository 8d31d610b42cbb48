"""People and tasks for the tests of the console."""

from uuid import UUID, uuid4

import orjson
from django.contrib.auth.models import Permission, User

from governance.access.actors import from_command
from governance.models import Task
from governance.tasks import schemas, transitions
from governance.tasks import services as tasks
from governance.tasks.transitions import types

SEED = from_command("test")


def person(*permissions: str) -> User:
    """Somebody who may enter the console and holds these permissions, of governance if no app is named."""
    user = User.objects.create_user(f"user{User.objects.count()}", is_staff=True)
    for name in permissions:
        app, _, codename = name.rpartition(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app or "governance", codename=codename)
        )
    return user


def submit(title: str = "Report", **facts: object) -> UUID:
    """A pending evaluation."""
    payload = {"eval_type": "metric", "metric_value": 1}
    asked = {"title": title, "task_type": "evaluation", "payload": payload, **facts}
    return tasks.submit([schemas.parse(asked)], actor=SEED)[0].id


def run(task_id: UUID, *, process_id: UUID | None = None) -> types.ClaimedTask:
    """Claim what is due; returns the claim of this task."""
    claimed = transitions.claim(process_id=process_id or uuid4(), free={"EXECUTOR": 1000, "ANALYST": 1000})
    return next(claim for claim in claimed if claim.id == task_id)


def complete(task_id: UUID) -> None:
    """Run a task to its end."""
    process_id = uuid4()
    claim = run(task_id, process_id=process_id)
    report = types.AttemptReport(claim.id, claim.token, result=orjson.dumps({"verdict": "pass"}))
    transitions.complete([report], process_id=process_id)


def status(task_id: UUID) -> str:
    return Task.objects.get(pk=task_id).status
