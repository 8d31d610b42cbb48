"""Input schema of a task, checked before anything is stored."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from governance.db import strict_json
from governance.errors import FieldError, InvalidInput, InvalidSubmission
from governance.models.task import MAX_PRIORITY
from governance.tasks import registry as task_types
from governance.tasks.registry import TaskType

MAX_TIMEOUT_SECONDS = 7 * 24 * 3600
MAX_DEPENDENCIES = 100
MAX_ERRORS = 100
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _storable(payload: dict[str, Any]) -> dict[str, Any]:
    if flaw := strict_json.find_error(payload):
        raise ValueError(flaw)
    return payload


def _storable_text(text: str) -> str:
    if flaw := strict_json.find_error_in_text(text):
        raise ValueError(flaw)
    return text


def in_this_age(time: datetime) -> datetime:
    """The time; raises `ValueError` for one before 2000 or after 2199. Times far away overflow on the way to
    UTC and back, and nobody means them."""
    if not _EARLIEST <= time < _LATEST:
        raise ValueError("a time between the years 2000 and 2199 is expected")
    return time


Text = Annotated[str, AfterValidator(_storable_text)]
Time = Annotated[AwareDatetime, AfterValidator(in_this_age)]
Key = Annotated[Text, Field(min_length=1, max_length=200)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=9)]


class Submission(BaseModel):
    """A task as it is asked for. What is left out comes from its task type.

    `priority` 0 to 100: each point is worth a minute of waiting. `timeout_seconds` bounds one attempt,
    `deadline` the whole task (ISO 8601 with a zone). `max_cost_usd` is USD, at most nine decimals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[Text, Field(max_length=200)] = ""
    task_type: Annotated[str, Field(min_length=1, max_length=100)]
    payload: Annotated[dict[str, Any], AfterValidator(_storable)] = Field(default_factory=dict)
    priority: Annotated[int, Field(strict=True, ge=0, le=MAX_PRIORITY)] = 0
    assigned_worker: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    max_attempts: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    timeout_seconds: Annotated[int, Field(strict=True, ge=1, le=MAX_TIMEOUT_SECONDS)] | None = None
    run_after: Time | None = None
    deadline: Time | None = None
    parent: UUID | None = None
    depends_on: Annotated[list[UUID], Field(max_length=MAX_DEPENDENCIES)] = Field(default_factory=list)
    max_cost_usd: Money | None = None
    idempotency_key: Key | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of everything but the key: two submissions with the same digest ask for the same."""
        asked = self.model_dump(mode="json", exclude={"idempotency_key"})
        return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def require_text(field: str, text: str) -> None:
    """Raise `InvalidInput` unless the text says something, and can be kept."""
    flaw = strict_json.find_error_in_text(text) if text.strip() else "expected: it is kept in the history"
    if flaw:
        raise InvalidInput([FieldError(field, flaw)])


def parse(data: object) -> Submission:
    """The submission in `data` (a JSON object), its payload checked by its type's schema.

    Raises `InvalidSubmission` with one entry for each field that is wrong, all of them at once.
    """
    try:
        submission = Submission.model_validate(data)
    except ValidationError as invalid:
        raise InvalidSubmission(field_errors(invalid)) from None
    try:
        kind = task_types.get(submission.task_type)
    except task_types.UnknownTaskType as unknown:
        raise InvalidSubmission([FieldError("task_type", str(unknown)), *_time_errors(submission)]) from None
    payload_errors = _payload_errors(submission, kind)
    if errors := payload_errors + _time_errors(submission):
        raise InvalidSubmission(errors, payload_types=[kind.name] if payload_errors else [])
    return submission


def parse_many(items: Sequence[object]) -> list[Submission]:
    """The submissions in `items`; raises `InvalidSubmission`, whose errors (the first hundred) carry
    the index of the task."""
    submissions: list[Submission] = []
    errors: list[FieldError] = []
    payload_types: list[str] = []
    for index, item in enumerate(items):
        try:
            submissions.append(parse(item))
        except InvalidSubmission as invalid:
            errors += [replace(error, index=index) for error in invalid.errors]
            payload_types += invalid.payload_types
        if len(errors) >= MAX_ERRORS:
            break
    if errors:
        raise InvalidSubmission(errors[:MAX_ERRORS], payload_types=payload_types)
    return submissions


def field_errors(invalid: ValidationError, prefix: str = "", *, said: object = None) -> list[FieldError]:
    """Pydantic's findings as fields and sentences: `payload.metric_value`: a finite number is expected…

    `said` is what was validated. With it, where a schema has variants, the path is that of what was said.
    """
    return [_field_error(finding, prefix, said) for finding in invalid.errors(include_url=False)]


def _field_error(finding: Any, prefix: str, said: object) -> FieldError:
    path = ".".join([*filter(None, [prefix]), *(str(part) for part in _steps(finding, said))])
    message = finding["msg"].removeprefix("Value error, ")
    if finding["type"] == "union_tag_not_found":
        message = "Field required"
    if finding["type"] == "too_long" and isinstance(finding["input"], str):
        message = f"at most {finding['ctx']['max_length']} characters are expected"
    if finding["type"] not in {"missing", "extra_forbidden"} and isinstance(
        finding["input"], str | int | float | bool | None
    ):
        message = f"{message} (got {_short(finding['input'])})"
    return FieldError(field=path or "body", message=message)


def _steps(finding: Any, said: object) -> list[int | str]:
    """Where it is, without the names of variants, which pydantic puts between: they are in no input."""
    *way, end = [*finding["loc"]] or [""]
    steps, place = [], said
    for step in way:
        if isinstance(place, dict) and step not in place:
            continue
        steps.append(step)
        place = _inside(place, step)
    is_variant = isinstance(place, dict) and end not in place and finding["type"] != "missing"
    if end != "" and not is_variant:
        steps.append(end)
    if finding["type"].startswith("union_tag"):
        steps.append(finding["ctx"]["discriminator"].strip("'"))
    return steps


def _inside(place: Any, step: Any) -> object:
    try:
        return place[step]
    except (KeyError, IndexError, TypeError):
        return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _payload_errors(submission: Submission, kind: TaskType) -> list[FieldError]:
    try:
        kind.schema.model_validate(submission.payload)
    except ValidationError as invalid:
        return field_errors(invalid, prefix="payload", said=submission.payload)
    return []


def _time_errors(submission: Submission) -> list[FieldError]:
    starts: datetime | None = submission.run_after
    if submission.deadline and starts and submission.deadline <= starts:
        return [FieldError("deadline", "the deadline must be later than run_after")]
    return []
