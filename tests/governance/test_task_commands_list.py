"""`manage.py list_tasks` and `show_task`."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests.governance import samples
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db


def printed(capsys, *arguments):
    call_command(*arguments)
    return capsys.readouterr().out


def test_tasks_are_listed_newest_first_with_filters(capsys):
    first, second = samples.submit(title="One"), samples.submit(title="Two")
    failed = samples.in_state("failed")

    lines = printed(capsys, "list_tasks", "--status", "pending").splitlines()

    assert [str(second) in lines[0], str(first) in lines[1], len(lines)] == [True, True, 2]
    assert lines[0].endswith("Two")
    rows = json.loads(printed(capsys, "list_tasks", "--json", "--limit", "1"))
    assert [row["id"] for row in rows] == [str(failed)]


def test_no_task_is_said(capsys):
    assert printed(capsys, "list_tasks") == "There are no such tasks.\n"


def test_a_wrong_filter_is_named():
    with pytest.raises(CommandError, match="status"):
        call_command("list_tasks", "--status", "stuck")


def test_a_task_is_shown_with_its_payload_and_history(capsys):
    task_id = samples.in_state("failed")

    text = printed(capsys, "show_task", str(task_id))

    assert "status: failed" in text
    assert "payload: {" in text
    assert "to failed by" in text
    document = json.loads(printed(capsys, "show_task", str(task_id), "--json"))
    assert document["id"] == str(task_id)
    assert [event["to_status"] for event in document["events"]][-1] == "failed"


@pytest.mark.parametrize(("typed", "said"), [("7", "not the id of a task"), (NOBODYS_ID, "no task")])
def test_a_task_that_is_not_there_is_said(typed, said):
    with pytest.raises(CommandError, match=said):
        call_command("show_task", typed)
