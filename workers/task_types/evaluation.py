"""Task type `evaluation`: measures something against what was asked. A "no" is a result, not a failure."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, RootModel, model_validator

from governance.tasks import registry as task_types
from reliability.engine.context import TaskContext
from reliability.failures import PermanentFailure
from workers import tools
from workers.task_types import assertions, rubric
from workers.task_types.rubric import Rubric, RubricVerdict
from workers.tools.sql import Parameters, Sql


class Bounds(BaseModel):
    """What a number is compared with. Without bounds or target it passes: it is there, no more was asked."""

    model_config = ConfigDict(extra="forbid", strict=True)

    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    target: FiniteFloat | None = None
    tolerance: FiniteFloat = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "Bounds":
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return self


class Metric(Bounds):
    """A number that the submitter has measured."""

    eval_type: Literal["metric"]
    metric_value: FiniteFloat


class Query(Bounds):
    """A number that a read-only SQL query finds: the first column of its first row."""

    eval_type: Literal["query"]
    sql: Sql
    parameters: Parameters = Field(default_factory=dict)


class EvaluationPayload(RootModel[Annotated[Metric | Query | Rubric, Field(discriminator="eval_type")]]):
    """What is evaluated: `eval_type` says how."""


class Check(BaseModel):
    """One criterion that was applied, with what it wanted."""

    name: Literal["minimum", "maximum", "target"]
    expected: float
    passed: bool


class Verdict(BaseModel):
    """The answer of an evaluation: `passed` is whether every check was met."""

    eval_type: str
    passed: bool
    metric_value: float
    checks: list[Check]


@task_types.register("evaluation", schema=EvaluationPayload, worker="ANALYST", timeout_seconds=60)
async def evaluate(payload: EvaluationPayload, context: TaskContext) -> Verdict | RubricVerdict:
    """Compare the number with its bounds and its target, or have a text judged: see `Verdict` and
    `RubricVerdict` for the shapes of the result."""
    asked = payload.root
    if isinstance(asked, Rubric):
        return await rubric.judge(asked, context)
    value = asked.metric_value if isinstance(asked, Metric) else await _queried(asked, context)
    checks = _checks(asked, value)
    return Verdict(
        eval_type=asked.eval_type,
        passed=all(check.passed for check in checks),
        metric_value=value,
        checks=checks,
    )


async def _queried(asked: Query, context: TaskContext) -> float:
    """What the query finds. That it finds no number is no verdict: nobody knows then."""
    query = {"sql": asked.sql, "parameters": asked.parameters, "max_rows": 1}
    answer = await tools.call(context, "sql.query", query)
    value = assertions.first_value(answer["rows"], None)
    number = assertions.as_number(value)
    if number is None:
        found = assertions.shown(value)[:100]
        raise PermanentFailure(f"the query found {found}, where a number is expected", tool_name="sql.query")
    return number


def _checks(payload: Bounds, value: float) -> list[Check]:
    checks = []
    if payload.minimum is not None:
        checks.append(Check(name="minimum", expected=payload.minimum, passed=value >= payload.minimum))
    if payload.maximum is not None:
        checks.append(Check(name="maximum", expected=payload.maximum, passed=value <= payload.maximum))
    if payload.target is not None:
        on_target = abs(value - payload.target) <= payload.tolerance
        checks.append(Check(name="target", expected=payload.target, passed=on_target))
    return checks
