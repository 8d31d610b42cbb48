"""The banner's lines can be pasted into a shell, wherever the project lies; and it says who is let in."""

import shlex
import sys

import pytest
from django.contrib.auth.models import User
from django.test import Client

from juggernaut import embedded, profile
from juggernaut.database import endpoints
from juggernaut.embedded import servers as servers_module
from juggernaut.supervisor import banner
from juggernaut.web import gunicorn
from juggernaut.web.bind_address import WebAddress
from tests.juggernaut.production import SAFE


def test_the_line_for_a_second_terminal_survives_a_space_in_the_path(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/opt/my tools/bin/python")
    servers = embedded.EmbeddedServers(tmp_path, named={"DATABASE_URL": "postgresql://elsewhere/x"})

    text = banner.text(address=None, servers=servers)

    line = next(line for line in text.splitlines() if "Second terminal" in line)
    command = line.partition("$(")[2].removesuffix(')"')
    assert shlex.split(command)[0] == "/opt/my tools/bin/python"
    assert shlex.split(command)[-1] == "env"


def test_the_local_profile_says_loudly_that_this_machine_needs_no_token(tmp_path):
    servers = embedded.EmbeddedServers(tmp_path, named={"DATABASE_URL": "postgresql://elsewhere/x"})

    text = banner.text(address=WebAddress("127.0.0.1", 8000), servers=servers)

    assert "NOTE: no token needed: in the local profile whoever is on this machine may create" in text


def test_a_machine_without_redis_says_what_that_costs(tmp_path, monkeypatch):
    monkeypatch.setattr(servers_module, "find_program", lambda: None)
    servers = embedded.EmbeddedServers(tmp_path, named={"DATABASE_URL": "postgresql://elsewhere/x"})

    text = banner.text(address=None, servers=servers)

    assert "NOTE: no redis-server or valkey-server was found" in text
    assert "circuit breakers and rate limits count in each process alone" in text
    assert servers.environment["REDIS_URL"] == endpoints.NO_REDIS


def test_the_log_says_so_when_the_web_server_starts(caplog):
    gunicorn.when_ready(None)

    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", profile.NOTICE)]


@pytest.mark.django_db
def test_the_console_says_so_on_every_page_and_in_full_on_the_first():
    client = Client()
    client.force_login(User.objects.create_superuser("root"))

    assert "Local: no token needed" in client.get("/admin/governance/task/").content.decode()
    assert profile.NOTICE[1:] in client.get("/admin/").content.decode()


@pytest.mark.django_db
def test_production_says_nothing_of_the_kind(monkeypatch, tmp_path, caplog, settings):
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)
    settings.IS_LOCAL = False
    client = Client()
    client.force_login(User.objects.create_superuser("root"))

    gunicorn.when_ready(None)

    assert profile.NOTICE not in caplog.text
    assert "no token needed" not in client.get("/admin/").content.decode()
