"""Settings of breakers: as PostgreSQL has them, and what they may be."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from django.db.models.functions import Now
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.errors import FieldError, InvalidInput
from governance.tasks.schemas import field_errors
from reliability.breakers.models import CircuitBreaker

Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Changes(BaseModel):
    """What of a breaker can be set, within which bounds. Spans are seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failure_threshold: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    reset_timeout: Annotated[Seconds, Field(ge=0.1, le=86_400)] | None = None
    window_seconds: Annotated[Seconds, Field(ge=1, le=3600)] | None = None
    min_calls: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = None
    failure_rate: Annotated[Seconds, Field(gt=0, le=1)] | None = None
    half_open_probes: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    probe_lease_seconds: Annotated[Seconds, Field(ge=0.1, le=3600)] | None = None
    max_wait_seconds: Annotated[Seconds, Field(ge=0.1, le=86_400)] | None = None


NAMES = tuple(Changes.model_fields)


def parse(said: dict[str, Any]) -> dict[str, Any]:
    """The changes that are asked for. Raises `InvalidInput` that names each that cannot be."""
    if not said:
        raise InvalidInput([FieldError("settings", f"name at least one of {', '.join(NAMES)}")])
    absent = [FieldError(name, "a value is expected (got None)") for name in said if said[name] is None]
    if absent:
        raise InvalidInput(absent)
    try:
        return Changes.model_validate(said).model_dump(exclude_unset=True)
    except ValidationError as invalid:
        raise InvalidInput(field_errors(invalid)) from None


def refuse_contradiction(row: CircuitBreaker) -> None:
    """Raises `InvalidInput` if the longest wait would be shorter than the first one."""
    if row.reset_timeout > row.max_wait_seconds:
        both = f"reset_timeout {row.reset_timeout:g} s, max_wait_seconds {row.max_wait_seconds:g} s"
        raise InvalidInput([FieldError("reset_timeout", f"longer than max_wait_seconds may be ({both})")])


@dataclass(frozen=True)
class Snapshot:
    """A row as it was read: PostgreSQL's time of reading beside ours, since no other clock counts."""

    row: CircuitBreaker
    now: datetime
    read_at: float

    def left(self, moment: datetime | None) -> float | None:
        """Seconds until then; none if there is no such moment."""
        if moment is None:
            return None
        passed = timedelta(seconds=time.monotonic() - self.read_at)
        return max((moment - self.now - passed).total_seconds(), 0.0)

    def ago(self, moment: datetime | None) -> float:
        return 0.0 if moment is None else (self.now - moment).total_seconds()


def load(names: Iterable[str] | None = None) -> dict[str, Snapshot]:
    """The rows of these breakers, or of all."""
    rows = CircuitBreaker.objects.annotate(read_at=Now())
    if names is not None:
        rows = rows.filter(name__in=list(names))
    began = time.monotonic()
    return {row.name: Snapshot(row, row.read_at, began) for row in rows}


def ensure(name: str) -> None:
    """The breaker has a row: a new one takes after its service's, `openrouter:model` after `openrouter`."""
    if CircuitBreaker.objects.filter(name=name).exists():
        return
    service = CircuitBreaker.objects.filter(name=name.partition(":")[0]).first()
    inherited = {setting: getattr(service, setting) for setting in NAMES} if service else {}
    CircuitBreaker.objects.bulk_create([CircuitBreaker(name=name, **inherited)], ignore_conflicts=True)
