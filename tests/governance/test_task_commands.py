"""`submit_task`, `cancel_task`, `terminate_task`, `retry_task`, `create_token` at the prompt."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from governance.management import verb_command
from governance.models import Task, TaskEvent
from juggernaut.environment import ROOT
from tests.governance import samples
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db
PAYLOAD = json.dumps(samples.METRIC)


def run(command: str, *arguments: object) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue().strip()


def run_json(command: str, *arguments: object) -> Any:
    return json.loads(run(command, *arguments, "--json"))


def status_of(task_id: UUID) -> str:
    return Task.objects.get(pk=task_id).status


def test_a_task_is_submitted_and_its_id_printed():
    printed = run("submit_task", "evaluation", PAYLOAD, "--title", "By hand", "--worker", "EXECUTOR")

    task = Task.objects.get()
    assert printed == str(task.id)
    assert (task.title, task.assigned_worker, task.payload) == ("By hand", "EXECUTOR", samples.METRIC)
    assert task.created_by.startswith("command:")


def test_a_key_submits_once():
    first = run_json("submit_task", "evaluation", PAYLOAD, "--idempotency-key", "k")
    second = run_json("submit_task", "evaluation", PAYLOAD, "--idempotency-key", "k")

    assert (first[0]["replayed"], second[0]["replayed"]) == (False, True)
    assert first[0]["id"] == second[0]["id"]


def test_a_file_holds_one_task_or_many(tmp_path: Path):
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([samples.EVALUATION, samples.EVALUATION]))

    assert len(run("submit_task", "--file", file).splitlines()) == 2
    file.write_text(json.dumps(samples.EVALUATION))
    assert len(run("submit_task", "--file", file).splitlines()) == 1


def test_a_dry_run_checks_and_creates_nothing():
    assert run("submit_task", "evaluation", PAYLOAD, "--dry-run") == "1 valid; nothing was created"
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", PAYLOAD], "expected one of: agent, evaluation"),
        (["evaluation", "{"], "line 1, column 2"),
        (["evaluation", '{"eval_type": "metric"}'], "payload.metric_value: Field required"),
        (["evaluation", PAYLOAD, "--worker", "NOBODY"], "unknown worker 'NOBODY'"),
        (["--file", "/nowhere/tasks.json"], "cannot read /nowhere/tasks.json: No such file"),
        ([], "name a task type"),
    ],
)
def test_what_cannot_be_submitted_is_said_in_one_line(arguments: list[str], said: str):
    with pytest.raises(CommandError) as refusal:
        run("submit_task", *arguments)

    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.returncode == 1


@pytest.mark.parametrize(
    ("command", "found", "then", "printed"),
    [
        ("cancel_task", "pending", "cancelled", "cancelled: 1; skipped: 0"),
        ("terminate_task", "in_progress", "failed", "terminated: 1; skipped: 0"),
        ("retry_task", "failed", "pending", "started again: 1; skipped: 0"),
    ],
)
def test_a_verb_moves_the_named_task(command: str, found: str, then: str, printed: str):
    task_id = samples.in_state(found)

    assert run(command, task_id, "--reason", "tidying up") == printed

    assert status_of(task_id) == then
    last = TaskEvent.objects.filter(task_id=task_id).order_by("seq").last()
    assert (last.reason, last.actor.partition(":")[0]) == ("tidying up", "command")


@pytest.mark.parametrize("command", ["cancel_task", "terminate_task", "retry_task"])
def test_a_verb_that_is_too_late_says_the_state_found(command: str):
    task_id = samples.in_state("completed")

    with pytest.raises(
        CommandError, match=f"cannot {command.partition('_')[0]} task {task_id}: it is completed"
    ):
        run(command, task_id, "--reason", "tidying up")


@pytest.mark.parametrize(
    ("name", "said"),
    [("task-id", "'task-id' is not the id of a task"), (NOBODYS_ID, "no task has the id")],
)
def test_one_wrong_id_among_many_changes_nothing(name: str, said: str):
    task_id = samples.submit()

    with pytest.raises(CommandError, match=said):
        run("cancel_task", task_id, name, "--reason", "tidying up")

    assert status_of(task_id) == "pending"


@pytest.mark.parametrize("command", ["cancel_task", "terminate_task"])
@pytest.mark.parametrize("reason", [[], ["--reason", " "]])
def test_who_destroys_gives_a_reason(command: str, reason: list[str]):
    with pytest.raises(CommandError, match="--reason"):
        run(command, samples.submit(), *reason)


def test_all_that_match_a_filter_are_moved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verb_command, "_BATCH", 2)
    failed = [samples.in_state("failed") for _ in range(5)]
    cancelled = samples.in_state("cancelled")

    assert run_json("retry_task", "--status", "failed") == {"dry_run": False, "moved": 5, "skipped": {}}

    assert {status_of(task_id) for task_id in failed} == {"pending"}
    assert status_of(cancelled) == "cancelled"


def test_a_forecast_says_what_a_filter_would_move_and_moves_nothing():
    done, live = samples.in_state("completed"), samples.submit()

    printed = run("cancel_task", "--task-type", "evaluation", "--reason", "x", "--dry-run")

    assert printed == "would be cancelled: 1; skipped: 1 (1 completed)"
    assert (status_of(done), status_of(live)) == ("completed", "pending")


@pytest.mark.parametrize("arguments", [[], [NOBODYS_ID, "--status", "failed"]])
def test_ids_or_filters_but_not_none_and_not_both(arguments: list[str]):
    with pytest.raises(CommandError, match="one of both"):
        run("retry_task", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--status", "broken"], "status: "), (["--created-after", "now"], "created_after: ")],
)
def test_a_filter_that_cannot_be_meant_is_refused(arguments: list[str], said: str):
    with pytest.raises(CommandError, match=said):
        run("retry_task", *arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["terminate_task", "task-id", "--reason", "x"], "'task-id' is not the id of a task"),
        (["create_token", ""], "the name must have"),
    ],
)
def test_the_prompt_shows_one_line_and_exit_status_1(arguments: list[str], said: str):
    ended = _at_the_prompt(arguments)

    assert ended.returncode == 1
    assert (ended.stdout, ended.stderr.count("\n")) == ("", 1)
    assert said in ended.stderr


@pytest.mark.slow
def test_the_prompt_says_when_the_database_is_not_there():
    ended = _at_the_prompt(
        ["retry_task", "--status", "failed"], DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("CommandError: database connection failed: ")
    assert "Traceback" not in ended.stderr


def _at_the_prompt(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
