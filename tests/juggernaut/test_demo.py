"""The demo: all of its acts are played on a system of its own, and it says what it is."""

import os
import re
import socket
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from juggernaut.console import navigation
from juggernaut.environment import ROOT

ACTS = 12


def test_the_story_is_played_to_no_other_system(monkeypatch):
    monkeypatch.delenv("JUGGERNAUT_SIMULATION", raising=False)

    with pytest.raises(CommandError, match="this system is no simulation"):
        call_command("play_demo", "--provider", "http://127.0.0.1:1")


def test_every_page_says_that_it_is_a_simulation(admin_client, settings):
    settings.IS_SIMULATION = True
    overview = admin_client.get("/admin/").content.decode()
    pages = set(re.findall(r'href="(/admin/[^"?]*)', overview))
    pages |= {page.address for section in navigation.sections() for page in section.pages if page.address}

    silent = [page for page in pages if "(simulation)" not in _title(admin_client.get(page, follow=True))]

    assert len(pages) > 20
    assert silent == []


def test_the_login_of_a_simulation_says_what_it_is_and_no_other_does(client, db, settings):
    settings.IS_SIMULATION = True
    shown = client.get("/admin/login/").content.decode()
    settings.IS_SIMULATION = False

    assert "Juggernaut (simulation)" in shown
    assert "simulation" not in client.get("/admin/login/").content.decode()


def _title(page):
    assert page.status_code == 200
    title, *_ = re.findall(r"<title>(.*?)</title>", page.content.decode(), re.DOTALL)
    return title


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
    assert "12 letters are redriven" in acts[8]
