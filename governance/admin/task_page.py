"""What the page of one task shows beside its columns. A fixed number of queries, however much there is."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from governance import standstill
from governance.admin import lineage
from governance.models import LateResult, Task, TaskEvent

SHOWN = 50
EVENTS_SHOWN = 200
_BRIEF = ("title", "task_type", "status", "created_at")


@dataclass(frozen=True)
class Step:
    """One event of the timeline, and how long the task had been in the state that it left."""

    event: TaskEvent
    after: timedelta | None


@dataclass(frozen=True)
class Listing:
    """The first of a list of tasks, and whether there are more."""

    tasks: list[Task]
    is_cut: bool


def context(task: Task) -> dict[str, object]:
    """Everything that the page's template names."""
    depends_on = _listing(Task.objects.filter(dependents__task=task))
    return {
        "task": task,
        "why": standstill.of(task, now=timezone.now()),
        "steps": _steps(task),
        "events_shown": EVENTS_SHOWN,
        "late_results": list(LateResult.objects.filter(task_id=task.pk).order_by("-pk")[:SHOWN]),
        "above": lineage.above(task),
        "below": lineage.below(task),
        "related": [
            ("Depends on", depends_on),
            ("Waited for by", _listing(Task.objects.filter(dependencies__depends_on=task))),
        ],
    }


def _steps(task: Task) -> list[Step]:
    """Newest first; the oldest one shown knows how long it took only if it is the first of all."""
    events = list(TaskEvent.objects.filter(task_id=task.pk).order_by("-seq")[: EVENTS_SHOWN + 1])
    earlier = [*events[1:], None]
    steps = [
        Step(event, event.created_at - before.created_at if before else None)
        for event, before in zip(events, earlier, strict=True)
    ]
    return steps[:EVENTS_SHOWN]


def _listing(found: "QuerySet[Task]") -> Listing:
    tasks = list(found.only(*_BRIEF).order_by("-pk")[: SHOWN + 1])
    return Listing(tasks[:SHOWN], is_cut=len(tasks) > SHOWN)
