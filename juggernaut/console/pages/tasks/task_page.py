"""The page of one task. A fixed number of queries, however much there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from governance.models import LateResult, Task, TaskEvent
from governance.tasks import blockers
from juggernaut.console.pages.tasks import task_tree, timeline

SHOWN = 50
EVENTS_SHOWN = 200
CHILDREN_DRAWN = 12
_BRIEF = ("title", "task_type", "status", "created_at")


@dataclass(frozen=True)
class Listing:
    """The first of a list of tasks, and whether there are more."""

    tasks: list[Task]
    is_cut: bool


def context(task: Task, *, calls: Sequence[Any] = ()) -> dict[str, object]:
    """Everything that the page's template names. `calls` are those that may be seen."""
    depends_on = _listing(Task.objects.filter(dependents__task=task))
    events = list(TaskEvent.objects.filter(task_id=task.pk).order_by("-seq")[: EVENTS_SHOWN + 1])
    below = task_tree.below(task)
    return {
        "task": task,
        "why": blockers.of(task, now=timezone.now()),
        "branches": timeline.build_timeline(events[:EVENTS_SHOWN], calls=calls, children=_own(below)),
        "is_history_cut": len(events) > EVENTS_SHOWN,
        "events_shown": EVENTS_SHOWN,
        "late_results": list(LateResult.objects.filter(task_id=task.pk).order_by("-pk")[:SHOWN]),
        "above": task_tree.above(task),
        "below": below,
        "related": [
            ("Depends on", depends_on),
            ("Waited for by", _listing(Task.objects.filter(dependencies__depends_on=task))),
        ],
    }


def _own(below: task_tree.Tree) -> list[task_tree.Node]:
    """The first of its own children: the tree has the rest."""
    return [node for node in below.nodes if node.level == 1][:CHILDREN_DRAWN]


def _listing(found: "QuerySet[Task]") -> Listing:
    tasks = list(found.only(*_BRIEF).order_by("-pk")[: SHOWN + 1])
    return Listing(tasks[:SHOWN], is_cut=len(tasks) > SHOWN)
