"""`redrive` at the prompt."""

import io
import os
import subprocess
import sys

import pytest
from django.core.management import CommandError

from juggernaut.environment import ROOT
from reliability import redrives
from reliability.management.progress import Bar
from tests.governance import samples
from tests.ids import NOBODYS_ID
from tests.reliability import letters
from tests.reliability.commands import run, run_json

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_a_redrive_is_started_watched_and_steered(worked_off: list[str]):
    for _ in range(3):
        letters.dead("connection reset")

    started = run_json("redrive", "start", "--matching", "connection reset", "--reason", "fixed")
    name = started["id"]

    assert (started["state"], started["handed_over"]) == ("running", 1)
    assert run_json("redrive", "pause", name, "--reason", "lunch")["stop_reason"] == "lunch"
    with pytest.raises(CommandError, match=r"is paused by command:\w+: lunch"):
        run("redrive", "follow", name)
    assert run_json("redrive", "resume", name)["state"] == "running"
    assert run("redrive", "show", name).startswith(f"redrive {name} is running: 0 succeeded")
    [line] = run("redrive", "list").splitlines()
    assert name in line
    assert "0 of 3 succeeded, 0 failed, 0 skipped" in line
    assert run("redrive", "list", "--state", "aborted") == "none"
    assert run_json("redrive", "follow", name)["succeeded"] == 3


def test_a_redrive_is_followed_from_the_start_if_wanted(worked_off: list[str]):
    letters.dead("connection reset")

    printed = run("redrive", "start", "--matching", "connection", "--reason", "fixed", "--follow")

    assert "is completed: 1 succeeded" in printed


def test_a_redrive_is_aborted_with_a_reason():
    ids = [letters.dead("connection reset").pk for _ in range(3)]
    redrive = redrives.start(ids, actor=samples.SYSTEM, reason="fixed")

    with pytest.raises(CommandError, match="--reason"):
        run("redrive", "abort", redrive.pk)
    told = run_json("redrive", "abort", redrive.pk, "--reason", "enough")

    assert (told["state"], told["skipped"], told["handed_over"]) == ("aborted", 2, 1)
    with pytest.raises(CommandError, match=r"cannot resume redrive .*: it is aborted"):
        run("redrive", "resume", redrive.pk)


@pytest.mark.parametrize(
    ("name", "said"),
    [("redrive-id", "'redrive-id' is not the id of a redrive"), (NOBODYS_ID, "no redrive has the id")],
)
@pytest.mark.parametrize("verb", ["show", "follow", "pause", "resume"])
def test_what_is_no_redrive_is_said_in_one_line(verb: str, name: str, said: str):
    with pytest.raises(CommandError, match=said):
        run("redrive", verb, name)


def test_a_bar_shows_how_far_it_is_on_a_terminal_and_nowhere_else():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        bar = Bar(stream)
        bar.show(1, 2, "one failed")
        bar.show(2, 2)
        bar.end()

    first, second = terminal.getvalue().strip("\r\n").split("\r")
    assert first == f"[{'#' * 15}{'.' * 15}] 1 of 2 one failed"
    assert (second.rstrip(), len(second)) == (f"[{'#' * 30}] 2 of 2", len(first))
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    "arguments",
    [["retry_dlq", "dlq-id"], ["resolve_dlq", "dlq-id", "--note", "x"], ["redrive", "show", "redrive-id"]],
)
def test_the_prompt_shows_one_line_and_exit_status_1(arguments: list[str]):
    ended = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert (ended.stdout, ended.stderr.count("\n")) == ("", 1)
    assert "is not the id of a" in ended.stderr
