"""Task type `workflow`: steps that depend on one another, each a child task, under one money envelope.

A run of it does what can be done at the moment, which takes milliseconds, and then parks until its steps
have come further: it holds no slot and no process while they work. What it does is decided from the rows
alone, in one transaction, so a run that dies half-way has done nothing, and the next does it.
"""

from typing import Any, Literal

from django.db import transaction
from pydantic import BaseModel

from governance.errors import InvalidSubmission, LeaseLost
from governance.tasks import registry as task_types
from governance.tasks import workflows
from governance.tasks.schemas import Submission
from governance.tasks.waits import Wait, WaitKind
from governance.tasks.workflows import LockedWorkflow, Planned, StepRow
from reliability.failures import PermanentFailure, Postponed, Stopped
from workers.workflow import inputs, plan
from workers.workflow.schema import MAX_LEVELS, TYPE, OnFailure, Step, Workflow

ERRORS_TOLD = 50
ERROR_CHARS = 300
NAMED = 3

Outcome = Literal["completed", "failed", "cancelled", "skipped"]


class StepSummary(BaseModel):
    """What became of one step; its task has the rest. Errors are told for the first fifty."""

    name: str
    task_id: str
    status: Outcome
    error: str | None = None


class Summary(BaseModel):
    """The result of a workflow: how many steps ended how, each of them, and the output that was asked for."""

    completed: int
    failed: int
    cancelled: int
    skipped: int
    steps: list[StepSummary]
    output: Any = None


class StepFailed(PermanentFailure):
    """A step without which the workflow cannot go on has failed."""


@task_types.register(TYPE, schema=Workflow, worker="ORCHESTRATOR", timeout_seconds=120)
def run(payload: Workflow, context: Any) -> Summary:
    """Take the workflow as far as it goes now; raises `Postponed` while steps are to come."""
    try:
        with transaction.atomic():
            workflow = workflows.lock(context.task_id, token=context.lease_token)
            if not workflows.is_expanded(workflow):
                _expand(workflow, payload)
            steps, culprit = _advance(workflow, payload)
    except LeaseLost as lost:
        raise Stopped(str(lost)) from None
    if culprit:
        said = culprit.error_message or "without a word why"
        raise StepFailed(f"step {culprit.name!r} {culprit.status}: {said}")
    left = [step for step in steps if _outcome(step) is None]
    if left:
        raise Postponed(_wait(steps, left))
    return _summary(payload, steps)


def _expand(workflow: LockedWorkflow, payload: Workflow) -> None:
    if workflow.level > MAX_LEVELS:
        raise PermanentFailure(f"it is a workflow in workflows, more than {MAX_LEVELS} levels deep")
    lenient = {step.name for step in payload.steps if step.on_failure == OnFailure.CONTINUE}
    try:
        workflows.expand(workflow, [_planned(step, workflow, lenient) for step in payload.steps])
    except InvalidSubmission as invalid:
        said = "; ".join(f"payload.steps.{e.index or 0}.{e.field}: {e.message}" for e in invalid.errors)
        raise PermanentFailure(f"bad payload: {said}") from None


def _planned(step: Step, workflow: LockedWorkflow, lenient: set[str]) -> Planned:
    submission = Submission(
        title=step.title or step.name,
        task_type=step.task_type,
        payload=step.payload,
        priority=workflow.priority if step.priority is None else step.priority,
        assigned_worker=step.assigned_worker,
        max_attempts=step.max_attempts,
        timeout_seconds=step.timeout_seconds,
        max_cost_usd=step.max_cost_usd,
    )
    needs_inputs = bool(step.references) or not lenient.isdisjoint(step.needs)
    return Planned(step.name, submission, step.needs, step.on_failure, needs_inputs)


def _advance(workflow: LockedWorkflow, payload: Workflow) -> tuple[list[StepRow], StepRow | None]:
    """Do what can be done until nothing can: the steps as they stand then, and the one that failed it."""
    needs = {step.name: step.needs for step in payload.steps}
    retried_at = workflows.retried_at(workflow)
    while True:
        steps = workflows.steps(workflow.id)
        decision = plan.decide(steps, needs, retried_at=retried_at)
        if decision.culprit or not _carry_out(decision, workflow, payload, steps):
            return steps, decision.culprit


def _carry_out(
    decision: plan.Decision, workflow: LockedWorkflow, payload: Workflow, steps: list[StepRow]
) -> bool:
    """Whether anything was done."""
    if decision.again:
        ids = [step.id for step in decision.again]
        return bool(workflows.retry(workflow, ids, reason="its workflow runs it again"))
    if decision.skip:
        return bool(
            workflows.skip(workflow, {s.id: f"skipped: step {why!r} failed" for s, why in decision.skip})
        )
    if not decision.feed:
        return False
    filled = inputs.fill_steps(payload, decision.feed, steps)
    moved = workflows.set_inputs(workflow, filled.payloads)
    return bool([*moved, *workflows.refuse(workflow, filled.errors)])


def _outcome(step: StepRow) -> Outcome | None:
    if step.status == "cancelled" and step.is_skipped:
        return "skipped"
    return step.status if step.status in {"completed", "failed", "cancelled"} else None  # type: ignore[return-value]


def _wait(steps: list[StepRow], left: list[StepRow]) -> Wait:
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    counted = f"{len(steps)} steps, of which {len(steps) - len(left)} have ended"
    names = ", ".join(step.name for step in left[:NAMED])
    return Wait(kind=WaitKind.CHILDREN, name=counted, sentence=f"its {counted}; still to come: {names}{more}")


def _summary(payload: Workflow, steps: list[StepRow]) -> Summary:
    try:
        output = inputs.fill_output(payload, steps)
    except inputs.MissingInput as missing:
        raise PermanentFailure(f"its output cannot be had: {missing}") from None
    told = [_told(step) for step in steps]
    for step in [step for step in told if step.error][ERRORS_TOLD:]:
        step.error = None
    counts = {
        how: sum(step.status == how for step in told)
        for how in ("completed", "failed", "cancelled", "skipped")
    }
    return Summary(steps=told, output=output, **counts)


def _told(step: StepRow) -> StepSummary:
    error = step.error_message[:ERROR_CHARS] or None if step.status != "completed" else None
    return StepSummary(
        name=step.name, task_id=str(step.id), status=_outcome(step) or "cancelled", error=error
    )
