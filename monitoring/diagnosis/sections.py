"""The sections of a diagnosis, each in a thread of its own: one that hangs costs its own answer alone."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import psycopg2

from governance.db import errors as db_errors
from governance.errors import GovernanceError
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, Severity, critical
from monitoring.health.probe import DidNotAnswerError

# All sections together. A look gives up on a server before that.
ANSWER_SECONDS = 4.5
ALL = "all"
PROBE_SECONDS = 3.0

Look = Callable[[], list[Finding]]


class UnknownSection(GovernanceError):
    """There is no section of this name. The text lists those that there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown section {name!r}; expected one of: {', '.join((*known(), ALL))}")
        self.name = name


@dataclass(frozen=True)
class Diagnosis:
    """What one section found."""

    section: str
    findings: list[Finding]

    @property
    def severity(self) -> Severity:
        return max((finding.severity for finding in self.findings), default=Severity.OK)


def worst(found: Sequence[Diagnosis]) -> Severity:
    """How bad it is altogether."""
    return max((one.severity for one in found), default=Severity.OK)


def as_json(found: Sequence[Diagnosis]) -> dict[str, Any]:
    """What the command prints and the API answers: severities as words, sections by name."""
    sections = {
        one.section: {
            "severity": one.severity.name.lower(),
            "findings": [finding.as_json() for finding in one.findings],
        }
        for one in found
    }
    return {"severity": worst(found).name.lower(), "sections": sections}


_sections: dict[str, Look] = {}


def section(name: str) -> Callable[[Look], Look]:
    """Register the decorated function as the look of section `name`."""

    def decorate(look: Look) -> Look:
        _sections[name] = look
        return look

    return decorate


def known() -> list[str]:
    """The names of all sections, in the order in which they are shown."""
    return list(_sections)


def run(names: Sequence[str] = ()) -> list[Diagnosis]:
    """Look at these sections at the same time, or at all (none named, or `all`), in the order in which they
    are shown. Raises `UnknownSection`. Ends within 5 s."""
    for name in names:
        if name not in (*_sections, ALL):
            raise UnknownSection(name)
    chosen = [name for name in known() if not names or name in names or ALL in names]
    deadline = time.monotonic() + ANSWER_SECONDS
    started = {name: _start(_sections[name]) for name in chosen}
    return [Diagnosis(name, _answer(name, found, deadline)) for name, found in started.items()]


def _start(look: Look) -> Future[list[Finding]]:
    found: Future[list[Finding]] = Future()
    threading.Thread(target=_run, args=[look, found], daemon=True).start()
    return found


def _run(look: Look, found: Future[list[Finding]]) -> None:
    try:
        found.set_result(look())
    except BaseException as error:  # noqa: BLE001 (whoever waits for the answer raises it)
        found.set_exception(error)


def _answer(name: str, found: Future[list[Finding]], deadline: float) -> list[Finding]:
    try:
        return found.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return [critical(f"{name} could not be examined: no answer within {ANSWER_SECONDS:g} s")]
    except (psycopg2.Error, DidNotAnswerError) as error:
        return [without_database(error)]


def without_database(error: Exception) -> Finding:
    """What a section says that cannot ask the database."""
    if isinstance(error, DidNotAnswerError) or db_errors.is_unavailable(error):
        return critical(
            db_errors.describe(error),
            explanation="Nothing can be read from PostgreSQL, so nothing else is known here.",
            remedies=[remedies.at_machine("See what is known of it.", "python manage.py diagnose database")],
        )
    return critical(
        f"the database cannot be used: {' '.join(str(error).split())}",
        explanation="Its tables are not those of this version.",
        remedies=[remedies.at_machine("Bring the tables to this version.", "python manage.py migrate")],
    )
