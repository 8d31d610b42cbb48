"""The page of one group of failures. A fixed number of queries."""

from collections.abc import Iterable
from datetime import datetime

from governance.models import DeadLetter, FailureSignature
from governance.units import words
from juggernaut.console import formatting
from juggernaut.console.pages.dead_letters import trends
from reliability.models import Redrive

LETTERS_SHOWN = 10
REDRIVES_SHOWN = 10
_BRIEF = (
    "signature",
    "status",
    "worker_id",
    "error_message",
    "created_at",
    "retries",
    "task__title",
    "task_type",
)


def context(group: FailureSignature, *, now: datetime) -> dict[str, object]:
    """Everything that the page's templates name."""
    return {
        "title": group.failure_reason[:100] or "No reason given",
        "group": group,
        "trend": trends.of([group.pk], now=now)[group.pk],
        "past_retries": past_retries(group),
        "ignored_until": ignored_until(group, now=now),
        "letters": list(_letters(group)),
        "open": group.pending + group.retrying,
        "redrives": list(_redrives(group)),
    }


def past_retries(group: FailureSignature) -> str:
    """How many of the letters that were retried came to succeed: `80% of 25`."""
    ended = group.redrive_succeeded + group.redrive_failed
    return f"{group.redrive_succeeded / ended:.0%} of {ended:,}" if ended else formatting.NOTHING


def ignored_until(group: FailureSignature, *, now: datetime) -> str:
    """What ends the silence of an ignored group, in words; empty when nothing does but a person."""
    ends = []
    if group.ignored_until:
        ends.append(f"{words(group.ignored_until - now)} from now" if group.ignored_until > now else "now")
    if group.ignored_until_failures is not None:
        left = max(0, group.ignored_until_failures - group.failures)
        ends.append(f"{left:,} more failures")
    if group.ignored_until_per_hour is not None:
        ends.append(f"{group.ignored_until_per_hour:,} failures in one hour")
    return " or ".join(ends)


def _letters(group: FailureSignature) -> Iterable[DeadLetter]:
    """The newest open ones; when all are resolved, the newest of those."""
    states = (
        [DeadLetter.Status.PENDING, DeadLetter.Status.RETRYING]
        if group.pending + group.retrying
        else [DeadLetter.Status.RESOLVED]
    )
    # One state at a time: the index on (group, state, id) then gives them in their order.
    found: list[DeadLetter] = []
    for state in states:
        of_state = group.letters.filter(status=state).select_related("task").only(*_BRIEF)
        found += of_state.order_by("-pk")[:LETTERS_SHOWN]
    return sorted(found, key=lambda letter: letter.pk, reverse=True)[:LETTERS_SHOWN]


def _redrives(group: FailureSignature) -> Iterable[Redrive]:
    """The last that were asked for this group by its name."""
    named = Redrive.objects.filter(filter__signature__contains=[str(group.pk)])
    return named.order_by("-pk")[:REDRIVES_SHOWN]
