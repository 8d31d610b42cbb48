"""The page of one dead letter."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from governance.models import DeadLetter, WorkflowStep
from reliability.models import Redrive, RedriveItem

# A task may have been retried for years: the page shows the last of it.
SHOWN = 50
REDRIVES_SHOWN = 10


@dataclass(frozen=True)
class Entry:
    """One thing that happened to the letter: what, when, and by whom or with which words."""

    what: str
    at: datetime | None
    by: str = ""
    words: str = ""


def context(letter: DeadLetter) -> dict[str, object]:
    """Everything that the page's templates name."""
    return {
        "title": letter.failure_reason[:100] or "Dead letter",
        "letter": letter,
        "happened": _happened(letter)[-SHOWN:][::-1],
        "runs": [_run(run) for run in letter.attempts[-SHOWN:]][::-1],
        "shown": SHOWN,
        "redrives": list(_redrives(letter)),
        "step": WorkflowStep.objects.filter(task_id=letter.task_id).select_related("workflow").first(),
    }


def _redrives(letter: DeadLetter) -> "QuerySet[Redrive]":
    """Those that meant this letter, the last ones."""
    mine = RedriveItem.objects.filter(letter_id=letter.pk).values("redrive_id")
    return Redrive.objects.filter(pk__in=mine).order_by("-pk")[:REDRIVES_SHOWN]


def _happened(letter: DeadLetter) -> list[Entry]:
    """From its birth to its end, oldest first; the history itself knows of neither."""
    known = [Entry("created", letter.created_at)]
    known += [
        Entry(str(row.get("what", "")), _time(row.get("at")), row.get("by", ""), row.get("error", ""))
        for row in letter.history
    ]
    if letter.outcome == DeadLetter.Outcome.RESOLVED:
        known.append(Entry("resolved", letter.resolved_at, letter.resolved_by, letter.resolution))
    return known


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "at": _time(row.get("at"))}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
