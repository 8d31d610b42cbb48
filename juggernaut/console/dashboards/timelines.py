"""Timelines of breaker states over the last 24 hours, from their events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models.fields.json import KeyTextTransform
from django.utils.safestring import SafeString

from governance.units import words
from juggernaut.console.dashboards import charts
from juggernaut.console.dashboards.charts import Part
from reliability.breakers.models import CircuitBreakerEvent

SPAN = timedelta(hours=24)
# The strip is as fine as this: of what happened within one of them, the worst is shown.
CELLS = 144
# From what is harmless to what is not; `before` is when there was no such breaker.
STATES = {
    "before": "did not exist", "closed": "closed", "disabled": "disabled", "half_open": "half open",
    "open": "open", "forced_open": "forced open",
}  # fmt: skip
_RANK = {state: rank for rank, state in enumerate(STATES)}
_MODES = ("forced_open", "disabled")
_COLUMNS = ("breaker", "kind", "from_state", "to_state", "created_at")
# Read out of the JSON by the database: transitions have much of it, and none of it is shown here.
_MODE = {"mode_before": KeyTextTransform("mode", "before"), "mode_after": KeyTextTransform("mode", "after")}


@dataclass(frozen=True, slots=True)
class Segment:
    """A time in which the state did not change."""

    state: str
    begins_at: datetime
    ends_at: datetime


def events(*, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """By breaker, the changes of state and mode of the last 24 hours, oldest first: one query.

    Transitions of a process's own breaker (Redis was away) have no number and are left out: others did not
    share them.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    shared = CircuitBreakerEvent.objects.filter(
        created_at__gt=now - SPAN, kind="transition", seq__isnull=False
    )
    modes = CircuitBreakerEvent.objects.filter(created_at__gt=now - SPAN, kind="mode")
    for event in (shared | modes).order_by("created_at", "id").values(*_COLUMNS, **_MODE):
        found.setdefault(event["breaker"], []).append(event)
    return found


def segments(
    history: Iterable[Mapping[str, Any]], *, state: str, mode: str, made_at: datetime, now: datetime
) -> list[Segment]:
    """The last 24 hours, gapless, from the history of that time and how the breaker stands now."""
    history = list(history)
    state = next((e["from_state"] for e in history if e["kind"] == "transition"), state)
    mode = next((e["mode_before"] for e in history if _is_of_mode(e)), mode)
    begins, found = now - SPAN, []
    if made_at > begins:
        found.append(Segment("before", begins, made_at))
        begins = made_at
    for event in history:
        at = max(begins, event["created_at"])
        found.append(Segment(_shown(state, mode), begins, at))
        begins = at
        if event["kind"] == "transition":
            state = event["to_state"]
        elif _is_of_mode(event):
            mode = event["mode_after"]
    return [*(s for s in found if s.ends_at > s.begins_at), Segment(_shown(state, mode), begins, now)]


def totals(found: Iterable[Segment]) -> dict[str, timedelta]:
    """How long each state lasted altogether, worst first."""
    lasted: dict[str, timedelta] = {}
    for window in found:
        lasted[window.state] = lasted.get(window.state, timedelta(0)) + (window.ends_at - window.begins_at)
    return dict(sorted(lasted.items(), key=lambda item: -_RANK[item[0]]))


def said(lasted: Mapping[str, timedelta]) -> str:
    return ", ".join(f"{STATES[state]} {words(length)}" for state, length in lasted.items() if length)


def draw(found: list[Segment], *, now: datetime) -> SafeString:
    """The strip, oldest on the left."""
    parts = [
        Part(state, count, f"{STATES[state]}, {words(SPAN - first * SPAN / CELLS)} ago")
        for state, first, count in _runs(_cells(found, now=now))
    ]
    return charts.bar(parts, says=f"The last 24 hours: {said(totals(found))}")


def _is_of_mode(event: Mapping[str, Any]) -> bool:
    return event["kind"] == "mode" and bool(event["mode_before"] and event["mode_after"])


def _shown(state: str, mode: str) -> str:
    return mode if mode in _MODES else state


def _cells(found: Iterable[Segment], *, now: datetime) -> list[str]:
    """The worst state of each cell, oldest first."""
    cells, begins, size = ["before"] * CELLS, now - SPAN, SPAN / CELLS
    for window in found:
        first = int((window.begins_at - begins) / size)
        last = int((window.ends_at - begins - timedelta(microseconds=1)) / size)
        for cell in range(max(0, first), min(CELLS - 1, max(first, last)) + 1):
            cells[cell] = max(cells[cell], window.state, key=_RANK.__getitem__)
    return cells


def _runs(cells: list[str]) -> list[tuple[str, int, int]]:
    """Neighbours of the same state: state, first cell, how many."""
    runs: list[tuple[str, int, int]] = []
    for cell, state in enumerate(cells):
        if runs and runs[-1][0] == state:
            runs[-1] = (state, runs[-1][1], runs[-1][2] + 1)
        else:
            runs.append((state, cell, 1))
    return runs
