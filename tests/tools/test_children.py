"""`tasks.create`: children below their parent, once each, and not without end."""

from dataclasses import replace

import pytest

from governance.models import Task
from governance.tasks import transitions
from reliability.failures import PermanentFailure, Stopped
from tests.door import running_as
from tests.governance import samples
from tests.tools.calls import call, last
from workers import tools
from workers.tools import registry, tasks
from workers.tools.registry import InvalidArguments

CHILD = {"task_type": "evaluation", "payload": samples.METRIC}


def test_a_child_stands_below_its_parent_and_is_made_by_its_worker(context):
    answer = call(context, "tasks.create", title="look", priority=3, max_cost_usd="0.5", **CHILD)

    child = Task.objects.get(pk=answer["id"])
    assert answer == {
        "id": str(child.pk),
        "status": "pending",
        "assigned_worker": "ANALYST",
        "existed": False,
    }
    assert (child.parent_id, child.created_by) == (context.task_id, "worker:EXECUTOR")
    assert (child.title, child.priority, str(child.max_cost_usd)) == ("look", 3, "0.500000000")


def test_the_same_call_again_finds_the_same_child(context):
    first, again = (call(context, "tasks.create", **CHILD) for _ in range(2))
    other = call(context, "tasks.create", call="second", **CHILD)

    assert again == first | {"existed": True}
    assert other["id"] != first["id"]
    assert Task.objects.filter(parent_id=context.task_id).count() == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task_type": "nothing"}, "unknown task type"),
        ({"payload": {}}, "payload.eval_type"),
        ({"payload": samples.METRIC | {"metric_value": "x"}}, "payload.metric_value"),
        ({"assigned_worker": "NOBODY"}, "unknown worker"),
        ({"assigned_worker": "WATCHDOG"}, "cannot run"),
        ({"depends_on": ["x"]}, "depends_on.0"),
        ({"max_cost_usd": "-1"}, "max_cost_usd"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"deadline": "soon"}, "deadline"),
    ],
)
def test_a_child_is_checked_like_any_other_task(context, fields, said):
    with pytest.raises(PermanentFailure, match=said):
        call(context, "tasks.create", **(CHILD | fields))

    assert last().status == "failed"
    assert not Task.objects.filter(parent_id=context.task_id).exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"parent": "x"}, {"idempotency_key": "x"}, {"created_by": "user:ann"}, {"status": "completed"},
        {"priority": 101}, {"payload": {"a": "x" * 300_000}}, {"payload": {"a": "\x00"}},
    ],
    ids=["parent", "key", "creator", "status", "priority", "size", "nul"],
)  # fmt: skip
def test_what_a_child_takes_from_its_parent_cannot_be_said(fields):
    with pytest.raises(InvalidArguments):
        tools.get("tasks.create").parse(CHILD | fields)


def test_children_are_bounded_and_what_exists_is_still_found(context, monkeypatch):
    monkeypatch.setattr(tasks, "MAX_CHILDREN", 1)
    first = call(context, "tasks.create", **CHILD)

    with pytest.raises(PermanentFailure, match="at most 1 children"):
        call(context, "tasks.create", call="second", **CHILD)
    assert call(context, "tasks.create", **CHILD)["id"] == first["id"]


def test_depth_is_bounded(context, monkeypatch):
    monkeypatch.setattr(tasks, "MAX_DEPTH", 1)
    child = running_as("EXECUTOR", parent=str(context.task_id))

    with pytest.raises(PermanentFailure, match="nested 1 deep"):
        call(child, "tasks.create", **CHILD)


def test_the_whole_tree_is_bounded(context, monkeypatch):
    monkeypatch.setattr(tasks, "MAX_DESCENDANTS", 2)
    child = running_as("EXECUTOR", parent=str(context.task_id))
    call(child, "tasks.create", **CHILD)

    with pytest.raises(PermanentFailure, match="tree of tasks has at most 2"):
        call(context, "tasks.create", **CHILD)


def test_who_lost_the_task_makes_no_children(context):
    def lose(arguments, permit):
        """Lose the task while the call is on its way, then create."""
        transitions.cancel([context.task_id], actor="tests", reason="gone")
        return tasks.create(arguments, permit)

    tool = tools.get("tasks.create")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._tools, "tasks.create", replace(tool, run=lose))
        with pytest.raises(Stopped):
            call(context, "tasks.create", **CHILD)

    assert not Task.objects.filter(parent_id=context.task_id).exists()
