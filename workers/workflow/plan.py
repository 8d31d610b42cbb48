"""Plans the next actions of a workflow from the state of its steps. Pure.

A step that ended badly is judged by its `on_failure`, unless it was skipped itself. One decision at a time:
the caller carries it out and asks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from governance.models.task import LIVE, Status
from governance.tasks.workflows import StepRow
from workers.workflow.schema import OnFailure

_BAD = (Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Decision:
    """`again`: steps that get fresh attempts. `skip`: steps to cancel, and because of which other. `feed`:
    steps whose inputs are there, or never come. `culprit`: the step for which the workflow fails."""

    again: Sequence[StepRow] = ()
    skip: Sequence[tuple[StepRow, str]] = ()
    feed: Sequence[StepRow] = ()
    culprit: StepRow | None = None
    is_over: bool = False


def decide(
    steps: Sequence[StepRow], needs: Mapping[str, Sequence[str]], *, retried_at: datetime | None
) -> Decision:
    """The next thing to do. `needs` says for each step which others come before it; `retried_at` is when the
    workflow was last brought back: what ended badly before that is run again."""
    if again := _to_run_again(steps, retried_at):
        return Decision(again=again)
    for step in steps:
        if (
            step.status in _BAD
            and not step.is_skipped
            and step.on_failure in {OnFailure.FAIL, OnFailure.RETRY}
        ):
            return Decision(culprit=step)
    if skip := _to_skip(steps, needs):
        return Decision(skip=skip)
    return Decision(feed=_to_feed(steps, needs), is_over=not any(step.status in LIVE for step in steps))


def _to_run_again(steps: Sequence[StepRow], retried_at: datetime | None) -> list[StepRow]:
    return [step for step in steps if step.status in _BAD and (_is_old(step, retried_at) or _may_retry(step))]


def _is_old(step: StepRow, retried_at: datetime | None) -> bool:
    return retried_at is not None and step.completed_at is not None and step.completed_at < retried_at


def _may_retry(step: StepRow) -> bool:
    """A step that never began has nothing to try again: its inputs will not be better."""
    is_asked = step.status == Status.FAILED and step.on_failure == OnFailure.RETRY
    return is_asked and 0 < step.attempts < step.max_attempts


def _to_skip(steps: Sequence[StepRow], needs: Mapping[str, Sequence[str]]) -> list[tuple[StepRow, str]]:
    """Everything parked that comes after a step that was skipped or failed as `skip`, however far away."""
    by_name = {step.name: step for step in steps}
    causes = {step.name: step.name for step in steps if _blocks(step)}
    if not causes:
        return []
    after: dict[str, list[str]] = {}
    for name, before in needs.items():
        for other in before:
            after.setdefault(other, []).append(name)
    found: list[tuple[StepRow, str]] = []
    waiting = list(causes)
    while waiting:
        cause = waiting.pop()
        for name in after.get(cause, ()):
            step = by_name[name]
            if name not in causes and step.status == Status.PARKED:
                causes[name] = causes[cause]
                found.append((step, causes[cause]))
                waiting.append(name)
    return found


def _blocks(step: StepRow) -> bool:
    if step.status == Status.CANCELLED and step.is_skipped:
        return True
    return step.status in _BAD and step.on_failure == OnFailure.SKIP


def _to_feed(steps: Sequence[StepRow], needs: Mapping[str, Sequence[str]]) -> list[StepRow]:
    live = {step.name for step in steps if step.status in LIVE}
    return [
        step
        for step in steps
        if step.needs_inputs
        and not step.is_fed
        and step.status == Status.PARKED
        and live.isdisjoint(needs[step.name])
    ]
