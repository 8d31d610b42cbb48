"""Filling in what steps bring: the payloads of steps, and the output of the workflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from governance.models.task import Status
from governance.tasks import registry as task_types
from governance.tasks import workflows
from governance.tasks.schemas import field_errors
from governance.tasks.workflows import StepRow
from workers.workflow import references
from workers.workflow.references import INPUTS, Reference
from workers.workflow.schema import TYPE, Step, Workflow

# What one step may be given; as much as a payload may have that is posted.
MAX_BYTES = 1024 * 1024


class MissingInput(Exception):
    """A reference leads nowhere, or to too much. The text names the place and what was found there."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Payloads by step's task, and errors of those whose inputs cannot be had."""

    payloads: dict[UUID, Any] = field(default_factory=dict)
    errors: dict[UUID, str] = field(default_factory=dict)


def fill_steps(workflow: Workflow, ready: Sequence[StepRow], all_steps: Sequence[StepRow]) -> Filled:
    """The payloads of these steps. Each is checked by its schema, as if it had been posted."""
    written = {step.name: step for step in workflow.steps}
    known = _Known(workflow, all_steps, [r for step in ready for r in written[step.name].references])
    filled = Filled()
    for row in ready:
        try:
            filled.payloads[row.id] = _payload(written[row.name], known)
        except MissingInput as missing:
            filled.errors[row.id] = f"its input cannot be had: {missing}"
    return filled


def fill_output(workflow: Workflow, all_steps: Sequence[StepRow]) -> Any:
    """The workflow's output; raises `MissingInput`."""
    known = _Known(workflow, all_steps, [*references.find(workflow.output)])
    return references.fill(workflow.output, known.value_for("output"))


def _payload(step: Step, known: "_Known") -> Any:
    value = known.value_for("payload")
    if step.task_type != TYPE:
        payload = references.fill(step.payload, value)
    elif INPUTS in step.payload:
        payload = step.payload | {INPUTS: references.fill(step.payload[INPUTS], value, (INPUTS,))}
    else:
        payload = step.payload
    try:
        task_types.get(step.task_type).schema.model_validate(payload)
    except ValidationError as invalid:
        raise MissingInput("; ".join(map(str, field_errors(invalid, "payload")))) from None
    return payload


class _Known:
    """The values of all references of one turn, read at once."""

    def __init__(self, workflow: Workflow, steps: Sequence[StepRow], wanted: Sequence[Reference]) -> None:
        self._inputs = workflow.inputs
        self._steps: Mapping[str, StepRow] = {step.name: step for step in steps}
        places = list(dict.fromkeys((r.step, r.path) for r in wanted if r.step != INPUTS))
        asked = [(self._steps[name].id, path) for name, path in places]
        found = workflows.values(asked, most_bytes=MAX_BYTES)
        self._values = dict(zip(places, found, strict=True))

    def value_for(self, field_name: str) -> Any:
        """What `references.fill` asks; counts what it gave out for this field, and stops at `MAX_BYTES`."""
        given = 0

        def value(reference: Reference) -> Any:
            nonlocal given
            place = ".".join((field_name, *map(str, reference.place)))
            if reference.step == INPUTS:
                return self._input(reference, place)
            found = self._values[reference.step, reference.path]
            given += found.size
            if given > MAX_BYTES:
                raise MissingInput(
                    f"{place}: {reference} is too much: more than {MAX_BYTES} bytes with the others"
                )
            if not found.exists and not reference.has_default:
                raise MissingInput(f"{place}: {self._why_not(reference)}")
            return found.value if found.exists else reference.default

        return value

    def _why_not(self, reference: Reference) -> str:
        step = self._steps[reference.step]
        if step.status != Status.COMPLETED:
            how = "was skipped" if step.is_skipped else f"is {step.status}"
            return f"step {step.name!r} {how} and has no result"
        return f"the result of step {step.name!r} has no {'.'.join(reference.path)!r}"

    def _input(self, reference: Reference, place: str) -> Any:
        value: Any = self._inputs
        for part in reference.path:
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (LookupError, TypeError, ValueError):
                if reference.has_default:
                    return reference.default
                raise MissingInput(
                    f"{place}: the workflow's inputs have no {'.'.join(reference.path)!r}"
                ) from None
        return value
