"""Task type `evaluation`: measures something against what was asked. A "no" is a result, not a failure."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from governance import task_types


class EvaluationPayload(BaseModel):
    """What is evaluated. Without bounds or target a metric passes: it has a value, and none was asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    eval_type: Literal["metric"]
    metric_value: FiniteFloat
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    target: FiniteFloat | None = None
    tolerance: FiniteFloat = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "EvaluationPayload":
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return self


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
async def evaluate(payload: EvaluationPayload, context: Any) -> Verdict:
    """Compare the metric with its bounds and its target; see `Verdict` for the shape of the result."""
    checks = _checks(payload)
    return Verdict(
        eval_type=payload.eval_type,
        passed=all(check.passed for check in checks),
        metric_value=payload.metric_value,
        checks=checks,
    )


def _checks(payload: EvaluationPayload) -> list[Check]:
    value, checks = payload.metric_value, []
    if payload.minimum is not None:
        checks.append(Check(name="minimum", expected=payload.minimum, passed=value >= payload.minimum))
    if payload.maximum is not None:
        checks.append(Check(name="maximum", expected=payload.maximum, passed=value <= payload.maximum))
    if payload.target is not None:
        on_target = abs(value - payload.target) <= payload.tolerance
        checks.append(Check(name="target", expected=payload.target, passed=on_target))
    return checks
