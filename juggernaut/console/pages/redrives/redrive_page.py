"""The page of one redrive: its progress, and the outcome of each item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest

from governance.models import DeadLetter, FailureSignature
from governance.units import words
from reliability.models import Redrive, RedriveItem

ITEMS_SHOWN = 20
_State = RedriveItem.State
# In the order in which a bar shows them: what is certain first.
_PARTS = (_State.SUCCEEDED, _State.FAILED, _State.SKIPPED, _State.HANDED_OVER, _State.WAITING)


@dataclass(frozen=True)
class Part:
    """The items in one state: how many, and how much of all they are."""

    state: str
    name: str
    count: int
    percent: float


def named(redrives: Sequence[Redrive]) -> dict[UUID, str]:
    """What each retries, in words; a group by what its failures have in common. One query at most."""
    groups = {redrive.pk: _only_group(redrive) for redrive in redrives}
    wanted = FailureSignature.objects.filter(pk__in=filter(None, groups.values()))
    reasons = {str(pk): reason for pk, reason in wanted.values_list("pk", "failure_reason")}
    return {redrive.pk: _in_words(redrive.filter_text, groups[redrive.pk], reasons) for redrive in redrives}


def _in_words(text: str, group: str, reasons: Mapping[str, str]) -> str:
    return text.replace(group, f"“{reasons[group]}”") if group in reasons else text


def _only_group(redrive: Redrive) -> str:
    """The id of the group, if one and no more is meant; else nothing."""
    asked = (redrive.filter or {}).get("signature") or []
    return str(asked[0]) if len(asked) == 1 else ""


def parts(redrive: Redrive) -> list[Part]:
    """The redrive divided by what became of its items."""
    whole = max(1, redrive.total)
    counted = ((state, getattr(redrive, state.value)) for state in _PARTS)
    return [
        Part(state.value, str(state.label).lower(), count, round(100 * count / whole, 2))
        for state, count in counted
    ]


def context(redrive: Redrive, request: HttpRequest) -> dict[str, object]:
    """Everything that the page's templates name."""
    wanted = request.GET.get("items", "")
    state = wanted if wanted in _State.values else ""
    return {
        "title": "Redrive",
        "redrive": redrive,
        "name": named([redrive])[redrive.pk],
        "is_live": redrive.finished_at is None or redrive.handed_over > 0,
        "parts": parts(redrive),
        "stage": _stage(redrive),
        "left": _time_left(redrive),
        "left_out": redrive.left_out,
        "items_state": state,
        "items_name": _State(state).label.lower() if state else "",
        "after": _after(request),
        **_items(redrive, state, _after(request)),
    }


def _stage(redrive: Redrive) -> str:
    if redrive.state != Redrive.State.RUNNING or len(redrive.plan) == 1:
        return ""
    end = redrive.plan[redrive.stage]
    if redrive.is_canary:
        return f"canary: waits for what becomes of the first {end:,} before it goes on"
    return "the canary lived: it goes on at the pace asked for"


def _time_left(redrive: Redrive) -> str:
    if redrive.state != Redrive.State.RUNNING or not redrive.waiting:
        return ""
    return words(timedelta(seconds=max(1.0, redrive.waiting / redrive.pace_per_second)))


def _after(request: HttpRequest) -> int:
    after = request.GET.get("after", "")
    return int(after) if after.isdecimal() and len(after) < 10 else 0


def _items(redrive: Redrive, state: str, after: int) -> dict[str, object]:
    """A page of items in their order, each with its letter's error: two queries."""
    found = redrive.items.filter(position__gt=after).order_by("position")
    if state:
        found = found.filter(state=state)
    items: Sequence[RedriveItem] = list(found[: ITEMS_SHOWN + 1])
    shown = items[:ITEMS_SHOWN]
    letters = DeadLetter.objects.filter(pk__in=[item.letter_id for item in shown])
    errors = dict(letters.values_list("pk", "failure_reason"))
    return {
        "items": [(item, errors.get(item.letter_id)) for item in shown],
        "next": shown[-1].position if len(items) > ITEMS_SHOWN else None,
    }
