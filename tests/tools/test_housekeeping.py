"""Folders of tasks that ended long ago are deleted, and no others."""

import json
import os
import time
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from governance.models import Task
from tests.door import running_as
from tests.tools.calls import call
from workers.workspaces import cleanup

DAY = 86_400


@pytest.fixture
def place(context, settings):
    settings.JUGGERNAUT_WORKSPACES.mkdir(exist_ok=True)
    return settings.JUGGERNAUT_WORKSPACES


def folder(place, task_id, *, days):
    """The folder of this task, last touched so many days ago."""
    made = place / str(task_id)
    (made / "notes").mkdir(parents=True)
    (made / "notes" / "today.md").write_text("some")
    age(made, days)
    return made


def age(path, days):
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def ended(task_id, *, days):
    when = timezone.now() - timedelta(days=days)
    Task.objects.filter(pk=task_id).update(status="completed")
    Task.objects.filter(pk=task_id).update(completed_at=when)


def old(days=30):
    return list(cleanup.old(timezone.now() - timedelta(days=days)))


def test_a_folder_is_old_when_all_its_tasks_ended_long_ago(context, place):
    child = running_as("EXECUTOR", parent=str(context.task_id))
    mine = folder(place, context.task_id, days=40)
    ended(context.task_id, days=35)

    assert old() == []  # the child lives
    ended(child.task_id, days=20)
    assert old() == []  # it ended lately
    ended(child.task_id, days=31)
    assert old() == [mine]
    assert old(days=35) == []


def test_what_is_no_folder_of_a_known_task_is_left_alone(context, place, tmp_path):
    ended(context.task_id, days=400)
    elsewhere = folder(tmp_path, "elsewhere", days=400)
    (place / str(context.task_id)).symlink_to(elsewhere)
    folder(place, "mine", days=400)
    folder(place, uuid4(), days=400)
    folder(place, str(context.task_id).upper(), days=400)

    assert old() == []


def test_what_was_left_half_deleted_is_deleted(place):
    folder(place, f".deleted-{uuid4()}", days=0)

    cleanup.delete([place / str(uuid4())])

    assert list(place.iterdir()) == []


def test_who_writes_a_file_deletes_some_once_an_hour(context, place, monkeypatch):
    monkeypatch.setattr(cleanup, "AT_ONCE", 1)
    others = [running_as("EXECUTOR").task_id for _ in range(3)]
    folders = [folder(place, task_id, days=60 - n) for n, task_id in enumerate(others)]
    for task_id in others:
        ended(task_id, days=50)

    call(context, "files.write", path="a", content="1")
    call(context, "files.write", path="b", content="2")
    assert [made.exists() for made in folders] == [False, True, True]

    age(place / ".looked-after", 1)
    call(context, "files.write", path="c", content="3")
    assert [made.exists() for made in folders] == [False, False, True]
    assert len(call(context, "files.list")["files"]) == 3


def test_for_ever_is_for_ever(context, place, settings):
    settings.JUGGERNAUT_WORKSPACE_RETENTION_DAYS = 0
    other = running_as("EXECUTOR").task_id
    kept = folder(place, other, days=4_000)
    ended(other, days=3_000)

    call(context, "files.write", path="a", content="1")

    assert kept.exists()


def test_a_folder_that_cannot_be_looked_at_fails_nobodys_call(context, place, monkeypatch, caplog):
    def fail(since):
        raise PermissionError("no way")

    monkeypatch.setattr(cleanup, "old", fail)

    call(context, "files.write", path="a", content="1")

    assert "old workspaces were not deleted" in caplog.text


def test_the_command_lists_and_deletes(context, place):
    mine = folder(place, context.task_id, days=40)
    ended(context.task_id, days=35)

    listed = said("--dry-run", "--json")
    assert json.loads(listed) == {"dry_run": True, "folders": [str(mine)], "deleted": 0}
    assert said("--dry-run").splitlines() == [str(mine), "would be deleted: 1"]
    assert said("--days", "36") == "deleted: 0\n"
    assert said() == "deleted: 1\n"
    assert not mine.exists()
    with pytest.raises(CommandError, match="--days: 1 to 36,500 days are expected \\(got 0\\)"):
        said("--days", "0")


def said(*arguments):
    output = StringIO()
    call_command("delete_workspaces", *arguments, stdout=output)
    return output.getvalue()
