"""The life of a task as a tree: attempts are branches of it, with what they did."""

import pytest

from governance.models import Task, TaskEvent, ToolExecution
from governance.tasks import services as tasks
from governance.tasks import transitions
from juggernaut.console.pages.tasks import task_tree, timeline
from reliability.dead_letters import services as dead_letters
from tests.governance import lives
from tests.governance.console import SEED, submit

pytestmark = pytest.mark.django_db


def grown(task_id, **more):
    events = list(TaskEvent.objects.filter(task_id=task_id).order_by("-seq"))
    return timeline.build_timeline(events, **more)


def said(branches):
    return [f"attempt {one.attempt}: {one.says}" if one.is_run else one.says for one in branches]


def test_an_attempt_is_a_branch_that_ends_as_it_ended():
    task = lives.held()
    lives.complete(task)

    branches = grown(task.id)

    assert said(branches) == ["attempt 1: completed", "submitted"]
    assert branches[0].took is not None
    assert branches[0].tone == "good"


def test_an_attempt_that_has_not_ended_is_running():
    task = lives.held()

    assert said(grown(task.id)) == ["attempt 1: running", "submitted"]


def test_a_failure_that_is_tried_again_goes_back_in_line_with_its_reason():
    task = lives.held()
    transitions.retry_later([lives.failing(task, "503 from there")], process_id=lives.PROCESS)

    branches = grown(task.id)

    assert said(branches) == ["attempt 1: goes back in line", "submitted"]
    assert branches[0].reason == "503 from there"


def test_an_operator_s_retry_stands_on_the_trunk_between_two_attempts():
    task = lives.held()
    tasks.terminate([task.id], actor=SEED, reason="too long")
    tasks.retry([task.id], actor=SEED, reason="once more")

    branches = grown(task.id)

    assert said(branches) == ["retried", "attempt 1: failed", "submitted"]
    assert (branches[0].actor, branches[0].reason) == ("command:test", "once more")


def test_a_redrive_is_named_and_taken_out_of_the_reason():
    task = lives.held()
    transitions.fail([lives.failing(task)], process_id=lives.PROCESS)
    redrive = "01a21e4a-c143-7969-9664-8d89af739a39"
    letter = Task.objects.get(pk=task.id).dead_letter_id
    assert letter
    dead_letters.retry([letter], actor=SEED, reason=f"mended (redrive {redrive})")

    again = grown(task.id)[0]

    assert (again.says, again.reason, again.redrive_id) == ("redriven", "mended", redrive)


def test_calls_and_children_grow_on_the_attempt_that_made_them():
    task = lives.held()
    call = ToolExecution.objects.create(task_id=task.id, worker_id="EXECUTOR", tool_name="model.chat")
    child = submit("child", parent=str(task.id))
    lives.complete(task)
    below = task_tree.below(Task.objects.get(pk=task.id)).nodes

    attempt, submitted = grown(task.id, calls=[call], children=below)

    assert (attempt.calls, [node.id for node in attempt.children]) == ([call], [child])
    assert (submitted.calls, submitted.children) == ([], [])


def test_a_child_that_somebody_made_before_the_first_attempt_is_on_no_branch():
    parent = submit("parent")
    submit("child", parent=str(parent))
    below = task_tree.below(Task.objects.get(pk=parent)).nodes

    assert [branch.children for branch in grown(parent, children=below)] == [[]]


def test_the_end_of_an_attempt_whose_beginning_is_not_shown_any_more_is_still_an_attempt():
    task = lives.held()
    lives.complete(task)
    [newest] = TaskEvent.objects.filter(task_id=task.id).order_by("-seq")[:1]

    [branch] = timeline.build_timeline([newest])

    assert (branch.is_run, branch.says, branch.began_at) == (True, "completed", None)
