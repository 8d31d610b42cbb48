"""Workflows in tests: written briefly, and driven through the real edges without processes."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from governance.access.actors import Actor
from governance.models import Task, Worker, WorkflowStep
from governance.tasks import registry as task_types
from governance.tasks import schemas
from governance.tasks import services as tasks
from governance.tasks.transitions.types import AttemptReport, ClaimedTask
from reliability.engine import attempt
from reliability.engine.context import TaskContext
from reliability.engine.outcome_writer import OutcomeBatch, OutcomeWriter

SYSTEM = Actor("command:tests", is_trusted=True)
Script = dict[str, Callable[[Any], Any]]


class Said(BaseModel):
    """What a step of a test is given; it returns it, unless the test's script says otherwise."""

    model_config = ConfigDict(extra="forbid")

    value: Any = None
    number: int | None = None


@task_types.register("say", schema=Said)
async def say(payload: Said, context: Any) -> dict[str, Any]:
    return {"value": payload.value, "number": payload.number}


def step(name: str, value: Any = None, *, after: str = "", **fields: Any) -> dict[str, Any]:
    """A step that says `value`, after the steps named in `after` (separated by blanks)."""
    return {
        "name": name,
        "task_type": "say",
        "payload": {"value": value},
        "depends_on": after.split(),
        **fields,
    }


def of(path: str, **default: Any) -> dict[str, Any]:
    """A reference."""
    return {"$from": path} | ({"$default": default["default"]} if default else {})


def submit(*steps: dict[str, Any], task: dict[str, Any] | None = None, **payload: Any) -> UUID:
    """Submit a workflow of these steps and return its id."""
    body = {"task_type": "workflow", "payload": {"steps": list(steps), **payload}} | (task or {})
    [receipt] = tasks.submit([schemas.parse(body)], actor=SYSTEM)
    return receipt.id


class Run:
    """Plays the workers: claims what is due and ends it as the script says, until nothing is due."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or {}
        self.runs: Counter[str] = Counter()
        self._clerk = OutcomeWriter(process_id=uuid.uuid4())

    def go(self, *, turns: int = 1000) -> None:
        reports = OutcomeBatch()
        free = dict.fromkeys(Worker.objects.values_list("pk", flat=True), 100)
        for _ in range(turns):
            had_news = len(reports) > 0
            claimed = self._clerk._turn(reports, free, False)
            if not (claimed or had_news):
                return
            reports = OutcomeBatch()
            for task in claimed:
                self._carry_out(task, reports)
        self._clerk._turn(reports, dict.fromkeys(free, 0), False)

    def _carry_out(self, task: ClaimedTask, reports: OutcomeBatch) -> None:
        title = Task.objects.values_list("title", flat=True).get(pk=task.id)
        self.runs[title or task.task_type] += 1
        try:
            payload = attempt._payload(attempt._kind(task), task)
            answer = attempt.encode(self._answer(task, title, payload))
        except Exception as error:  # noqa: BLE001 as the engine does
            self._note(task, attempt._ending(task, error), reports)
        else:
            reports.completed.append(AttemptReport(task.id, task.token, result=answer))

    def _answer(self, task: ClaimedTask, title: str, payload: Any) -> Any:
        kind = task_types.get(task.task_type)
        context = TaskContext(
            task_id=task.id, worker_id=task.worker_id, attempt=task.attempt, lease_token=task.token
        )
        if title in self.script:
            return self.script[title](payload)
        return asyncio.run(kind.run(payload, context)) if kind.is_async else kind.run(payload, context)

    def _note(self, task: ClaimedTask, ending: attempt.Ending, reports: OutcomeBatch) -> None:
        match ending:
            case attempt.Failed(error, failure):
                reports.failed.append(AttemptReport(task.id, task.token, error=error, failure=failure))
            case attempt.RetryLater(error, _):
                reports.retried.append(AttemptReport(task.id, task.token, error=error, delay=0.0))
            case attempt.Parked(wait):
                reports.parked.append(AttemptReport(task.id, task.token, wait=wait))


def states(workflow: UUID) -> dict[str, str]:
    """The state of every step by its name."""
    rows = WorkflowStep.objects.filter(workflow_id=workflow).order_by("position")
    return {row.name: row.task.status for row in rows.select_related("task")}


def task_of(workflow: UUID, name: str) -> Task:
    return Task.objects.get(step__workflow_id=workflow, step__name=name)


def result_of(workflow: UUID, name: str = "") -> Any:
    """What a step brought, or the workflow itself."""
    return (task_of(workflow, name) if name else fetch(workflow)).result


def fetch(workflow: UUID) -> Task:
    return Task.objects.get(pk=workflow)
