"""Input schema of a recurring task, checked before it is stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from django.utils import timezone as times
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from governance import timezones
from governance.errors import FieldError, InvalidInput, InvalidSubmission
from governance.schedules import cron as schedules_cron
from governance.tasks import schemas
from governance.tasks import services as tasks
from governance.tasks.schemas import Submission, Text, Time, field_errors

MIN_SECONDS = 10
MAX_SECONDS = 366 * 24 * 3600
# What would mean the same moment, task or key each time.
_NOT_HERE = ("run_after", "deadline", "parent", "depends_on", "idempotency_key")


class ScheduleInput(BaseModel):
    """`cron` (five fields, or `@daily` and its like, by the clocks of `timezone`) or `every_seconds` (10 s
    to a year, counted from `anchor_at`), one of both. `task` is what `POST /api/tasks` takes, without times,
    relations and key.

    `overlap`: whether a time that comes while the last one's task still lives is skipped (`forbid`) or not.
    `missed`: what nobody could see to in time is left out (`skip`), run `once` for all, or `all` of it is
    run, the newest `max_catch_up` at most; with overlap forbidden they then wait for one another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    cron: Annotated[Text, Field(max_length=200)] = ""
    every_seconds: Annotated[int, Field(strict=True, ge=MIN_SECONDS, le=MAX_SECONDS)] | None = None
    timezone: Annotated[Text, Field(max_length=64)] = "UTC"
    anchor_at: Time | None = None
    task: dict[str, Any]
    overlap: Literal["forbid", "allow"] = "forbid"
    missed: Literal["skip", "once", "all"] = "once"
    max_catch_up: Annotated[int, Field(strict=True, ge=1, le=1000)] = 10

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        timezones.read(name)
        return name

    @model_validator(mode="after")
    def _comes_sometime(self) -> Self:
        if bool(self.cron.strip()) == bool(self.every_seconds):
            raise ValueError("say when: either cron or every_seconds")
        return self

    @property
    def kind(self) -> str:
        return "cron" if self.cron else "interval"

    def columns(self) -> dict[str, Any]:
        """As the row has them; the anchor is left out if nobody named one."""
        said = self.model_dump(exclude=set() if self.anchor_at else {"anchor_at"})
        return said | {"kind": self.kind}


def parse(said: Mapping[str, Any]) -> ScheduleInput:
    """The terms in `said`; raises `InvalidInput` with every field that is wrong."""
    try:
        terms = ScheduleInput.model_validate(said)
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None
    errors = _zone_errors(terms) + _clock_errors(terms) + _task_errors(terms.task)
    if errors:
        raise InvalidInput(errors)
    return terms


def task_of(said: Mapping[str, Any]) -> Submission:
    """The task that is submitted each time; raises `InvalidSubmission`."""
    same_each_time = [name for name in _NOT_HERE if name in said]
    errors = [FieldError(name, "not in a recurring task: each time differs") for name in same_each_time]
    if errors:
        raise InvalidSubmission(errors)
    found = schemas.parse(dict(said))
    tasks.workers_of([found])
    return found


class _Timed:
    """Terms as a clock: without an anchor they count from now."""

    def __init__(self, terms: ScheduleInput, now: datetime) -> None:
        self.kind, self.cron, self.timezone = terms.kind, terms.cron, terms.timezone
        self.every_seconds = terms.every_seconds
        self.anchor_at = terms.anchor_at or now


def upcoming(terms: ScheduleInput, *, count: int, now: datetime | None = None) -> list[datetime]:
    """The next times by these terms, as they would be if they held from now on."""
    moment = now or times.now()
    coming = schedules_cron.after(_Timed(terms, moment), moment)
    return [at for at, _ in zip(coming, range(count), strict=False)]


def _zone_errors(terms: ScheduleInput) -> list[FieldError]:
    try:
        timezones.checked(terms.timezone)
    except ValueError as unknown:
        return [FieldError("timezone", f"{unknown} (got {terms.timezone!r})")]
    return []


def _clock_errors(terms: ScheduleInput) -> list[FieldError]:
    try:
        schedules_cron.next_after(_Timed(terms, times.now()), times.now())
    except schedules_cron.NeverDue as never:
        return [FieldError("cron" if terms.cron else "every_seconds", str(never))]
    return []


def _task_errors(task: Mapping[str, Any]) -> list[FieldError]:
    try:
        task_of(task)
    except InvalidSubmission as invalid:
        return [FieldError(f"task.{error.field}", error.message) for error in invalid.errors]
    return []
