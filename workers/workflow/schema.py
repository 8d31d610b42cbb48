"""The schema of a workflow: its steps, checked before anything runs.

A step of type `workflow` is a workflow inside: what stands in its `steps` and `output` speaks of its own
steps. Only its `inputs` may refer to the steps around it, and only by them does it learn of those.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from governance.models.task import MAX_PRIORITY
from governance.tasks import registry as task_types
from governance.tasks.schemas import MAX_TIMEOUT_SECONDS, Money, Text
from workers.workflow import references
from workers.workflow.references import INPUTS, NAME, BadReference, Reference

TYPE = "workflow"
MAX_STEPS = 1000
MAX_EDGES = 20_000
MAX_LEVELS = 5

Name = Annotated[str, Field(pattern=rf"^{NAME}$")]


class OnFailure(StrEnum):
    """What becomes of the workflow when a step has failed for good, or was cancelled.

    A failure that may pass (an outage, a timeout) is tried again before, `max_attempts` times, as for
    every task. `retry` tries again whatever the failure was, also one that is called permanent, as long
    as the step was started fewer than `max_attempts` times, and then fails the workflow.
    """

    FAIL = "fail"  # the workflow fails, and what has not ended of it is cancelled
    SKIP = "skip"  # what depends on the step, however far away, is cancelled; the rest goes on
    CONTINUE = "continue"  # what depends on the step runs without its output
    RETRY = "retry"


class Step(BaseModel):
    """One task of a workflow. What is left out comes from its task type, the priority from the workflow.

    It starts when every step that it names in `depends_on`, or refers to in its payload, has completed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    task_type: Annotated[str, Field(min_length=1, max_length=100)]
    payload: dict[str, Any] = Field(default_factory=dict)
    title: Annotated[Text, Field(max_length=200)] = ""
    assigned_worker: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    priority: Annotated[int, Field(strict=True, ge=0, le=MAX_PRIORITY)] | None = None
    max_attempts: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    timeout_seconds: Annotated[int, Field(strict=True, ge=1, le=MAX_TIMEOUT_SECONDS)] | None = None
    max_cost_usd: Money | None = None
    depends_on: Annotated[list[Name], Field(max_length=MAX_STEPS)] = Field(default_factory=list)
    on_failure: OnFailure = OnFailure.FAIL

    @field_validator("task_type")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            return task_types.get(name).name
        except task_types.UnknownTaskType as unknown:
            raise ValueError(str(unknown)) from None

    @model_validator(mode="after")
    def _payload_fits(self) -> Self:
        if findings := [*_findings(self.task_type, self.payload)]:
            raise ValidationError.from_exception_data(type(self).__name__, findings)
        return self

    @property
    def references(self) -> list[Reference]:
        """The references of the payload that the workflow around the step resolves."""
        return [*references.find(open_part(self.task_type, self.payload))]

    @property
    def needs(self) -> list[str]:
        """The names of the steps that have to end before this one starts, each once."""
        referred = (reference.step for reference in self.references if reference.step != INPUTS)
        return list(dict.fromkeys([*self.depends_on, *referred]))


class Workflow(BaseModel):
    """Steps that depend on one another, each a task of its own under the workflow's money envelope.

    `inputs` are values that the steps refer to as `inputs.…`; `output` is a value with references to steps,
    kept in the result when all has ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]
    inputs: dict[str, Any] = Field(default_factory=dict)
    output: Any = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if findings := [*_names(self), *_edges(self), *_outputs(self), *_levels(self)]:
            raise ValidationError.from_exception_data(type(self).__name__, findings)
        if loop := _loop({step.name: step.needs for step in self.steps}):
            raise ValueError(f"steps wait for one another in a circle: {' → '.join(loop)}")
        return self


def open_part(task_type: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a step's payload whose references are the workflow's around it."""
    if task_type != TYPE:
        return dict(payload)
    return {INPUTS: payload[INPUTS]} if INPUTS in payload else {}


def _finding(message: str, given: object, *place: str | int) -> InitErrorDetails:
    # Braces in a template are pydantic's own.
    error = PydanticCustomError("value_error", "{said}", {"said": message})
    return InitErrorDetails(type=error, loc=place, input=given)


def _findings(task_type: str, payload: dict[str, Any]) -> Iterator[InitErrorDetails]:
    """What is wrong with a payload whatever its references may bring."""
    open_to_us = open_part(task_type, payload)
    try:
        written = [*references.find(open_to_us)]
    except BadReference as bad:
        yield _finding(str(bad), None, "payload")
        return
    try:
        task_types.get(task_type).schema.model_validate(payload)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            if not (written and _may_be_mended(error)):
                yield _told(error)


def _may_be_mended(error: Any) -> bool:
    """Whether the error is about a place that a reference fills. What is missing is missing all the same."""
    if error["type"] == "missing":
        return references.is_reference(error["input"])
    if error["type"] == "union_tag_not_found":
        return references.is_reference(error["input"]) or _tag(error) in error["input"]
    return references.FROM in error["loc"] or references.contains(error["input"])


def _tag(error: Any) -> str:
    """The field that says which variant of a schema is meant."""
    return str(error["ctx"]["discriminator"]).strip("'")


def _told(error: Any) -> InitErrorDetails:
    place = ("payload", *error["loc"])
    if error["type"] == "union_tag_not_found":
        return InitErrorDetails(type="missing", loc=(*place, _tag(error)), input=error["input"])
    if error["type"] == "missing":
        return InitErrorDetails(type="missing", loc=place, input=error["input"])
    message = error["msg"].removeprefix("Value error, ")
    return _finding(message, error["input"], *place)


def _names(workflow: Workflow) -> Iterator[InitErrorDetails]:
    seen: set[str] = set()
    for number, step in enumerate(workflow.steps):
        if step.name == INPUTS:
            yield _finding(
                f"{INPUTS!r} is taken: it names the workflow's inputs", step.name, "steps", number, "name"
            )
        if step.name in seen:
            yield _finding(f"another step has the name {step.name!r}", step.name, "steps", number, "name")
        seen.add(step.name)


def _edges(workflow: Workflow) -> Iterator[InitErrorDetails]:
    known = {step.name for step in workflow.steps}
    if sum(len(step.needs) for step in workflow.steps) > MAX_EDGES:
        yield _finding(f"more than {MAX_EDGES} dependencies", None, "steps")
        return
    for number, step in enumerate(workflow.steps):
        for name in step.depends_on:
            if name not in known:
                yield _finding(f"there is no step {name!r}", name, "steps", number, "depends_on")
        for reference in step.references:
            if flaw := _flaw(reference, known, workflow.inputs):
                yield _finding(flaw, None, "steps", number, "payload", *reference.place)


def _outputs(workflow: Workflow) -> Iterator[InitErrorDetails]:
    known = {step.name for step in workflow.steps}
    try:
        for reference in references.find(workflow.output):
            if flaw := _flaw(reference, known, workflow.inputs):
                yield _finding(flaw, None, "output", *reference.place)
    except BadReference as bad:
        yield _finding(str(bad), None, "output")


def _flaw(reference: Reference, known: set[str], inputs: Mapping[str, Any]) -> str:
    if reference.step != INPUTS:
        return "" if reference.step in known else f"there is no step {reference.step!r}"
    if reference.path and reference.path[0] not in inputs and not reference.has_default:
        return f"the workflow has no input {reference.path[0]!r}"
    return ""


def _levels(workflow: Workflow) -> Iterator[InitErrorDetails]:
    for number, step in enumerate(workflow.steps):
        if step.task_type == TYPE and 1 + levels(step.payload) > MAX_LEVELS:
            yield _finding(f"workflows in workflows, more than {MAX_LEVELS} levels", None, "steps", number)


def levels(payload: object) -> int:
    """How many levels of workflows a workflow's payload has: 1 if none of its steps is one."""
    steps = payload.get("steps") if isinstance(payload, Mapping) else None
    inner = [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []
    return 1 + max((levels(s.get("payload")) for s in inner if s.get("task_type") == TYPE), default=0)


def _loop(needs: Mapping[str, list[str]]) -> list[str]:
    """The names along one circle, the first again at its end; empty if there is none."""
    done: set[str] = set()
    for start in needs:
        way: list[str] = []
        trail: list[Iterator[str]] = [iter([start])]
        while trail:
            name = next(trail[-1], None)
            if name is None:
                trail.pop()
                done.update(way[-1:])
                del way[-1:]
            elif name in way:
                return [*way[way.index(name) :], name]
            elif name not in done:
                way.append(name)
                trail.append(iter(needs[name]))
    return []
