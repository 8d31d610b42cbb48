"""Findings of the diagnosis: severity, evidence, explanation, remedy."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

from monitoring.diagnosis.remedies import Remedy


class Severity(IntEnum):
    """How bad it is. `NOTICE` is worth knowing, `WARNING` will hurt, `CRITICAL` hurts now."""

    OK = 0
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True)
class Finding:
    """One thing that was found. `said` is a sentence, `explanation` what it means for the system."""

    severity: Severity
    said: str
    evidence: list[str] = field(default_factory=list)
    explanation: str = ""
    remedies: Sequence[Remedy] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"severity": self.severity.name.lower()}


def ok(said: str, *, evidence: list[str] | None = None) -> Finding:
    """Nothing is wrong with it; the evidence is for whoever wants to know more."""
    return Finding(Severity.OK, said, evidence or [])


def notice(said: str, **more: Any) -> Finding:
    """Nothing is wrong, but it is worth knowing."""
    return Finding(Severity.NOTICE, said, **more)


def warning(said: str, **more: Any) -> Finding:
    """It works, and will hurt if nobody acts."""
    return Finding(Severity.WARNING, said, **more)


def critical(said: str, **more: Any) -> Finding:
    """It does not work."""
    return Finding(Severity.CRITICAL, said, **more)
