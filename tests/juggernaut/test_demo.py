"""The demo: all of its acts are played on a system of its own, and it says what it is."""

import os
import socket
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from juggernaut.environment import ROOT

ACTS = 10


def test_the_story_is_played_to_no_other_system(monkeypatch):
    monkeypatch.delenv("JUGGERNAUT_SIMULATION", raising=False)

    with pytest.raises(CommandError, match="this system is no simulation"):
        call_command("play_demo", "--provider", "http://127.0.0.1:1")


@pytest.mark.slow
def test_every_act_is_played(own_var):
    """Outage, empty budget, dead letters. The database that the environment names is left alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    foreign = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "JUGGERNAUT_VAR": str(own_var)}
    command = [
        sys.executable,
        "-m",
        "juggernaut.demo",
        "--minutes",
        "1.5",
        "--leave",
        "--port",
        port,
    ]

    ended = subprocess.run(
        command, cwd=ROOT, env=os.environ | foreign, capture_output=True, text=True, timeout=400, check=False
    )

    acts = [line for line in ended.stdout.splitlines() if line.startswith("SIMULATION ")]
    assert (ended.returncode, len(acts)) == (0, ACTS), ended.stdout + ended.stderr
    assert "circuit breaker openrouter: closed -> open" in ended.stdout + ended.stderr
    assert "12 letters are redriven" in acts[6]
