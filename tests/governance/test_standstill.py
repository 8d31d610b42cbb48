"""Why a task is not running: one sentence, from every door."""

import json
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from governance.models import Task, Worker
from tests.governance import samples
from tests.governance.api_client import Api, client_of, make_user, of_role
from tests.governance.console import person

pytestmark = pytest.mark.django_db
SENTENCE = "ANALYST is paused"


@pytest.fixture
def kept():
    """A task of a worker that is paused."""
    task_id = samples.submit()
    Worker.objects.filter(pk="ANALYST").update(status="paused")
    return task_id


def of_command(capsys, *arguments):
    call_command("why", *arguments)
    return capsys.readouterr().out.strip()


def test_console_api_and_command_say_the_same(kept, client, capsys):
    client.force_login(person("view_task"))

    said = of_role("viewer").get(f"tasks/{kept}/why").json()

    assert SENTENCE in said["why"]
    assert {name: said[name] for name in ("id", "status", "error_message")} == {
        "id": str(kept),
        "status": "pending",
        "error_message": "",
    }
    assert of_command(capsys, str(kept)) == said["why"]
    assert json.loads(of_command(capsys, str(kept), "--json")) == said
    assert said["why"] in client.get(f"/admin/governance/task/{kept}/change/").content.decode()


def test_nothing_keeps_a_task_that_has_ended(kept, capsys):
    Task.objects.filter(pk=kept).update(status="failed", error_message="it was too much")

    said = of_role("viewer").get(f"tasks/{kept}/why").json()

    assert (said["why"], said["status"], said["error_message"]) == ("", "failed", "it was too much")
    assert of_command(capsys, str(kept)) == "Nothing keeps it: it is failed: it was too much"


def test_what_is_no_task_is_said(capsys):
    nobody = str(uuid4())

    assert of_role("viewer").get(f"tasks/{nobody}/why").status_code == 404
    assert of_role("operator").get("tasks/17/why").status_code == 404
    with pytest.raises(CommandError, match=nobody):
        call_command("why", nobody)
    with pytest.raises(CommandError, match="name a tool, too"):
        call_command("why", "ANALYST")


def test_only_those_who_may_see_tasks_are_told(kept):
    assert client_of(make_user("stranger")).get(f"tasks/{kept}/why").status_code == 403
    assert Api().get(f"tasks/{kept}/why").status_code in {401, 403}
