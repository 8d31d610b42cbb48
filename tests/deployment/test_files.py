"""Procfile, compose file, image and units say the same, and what they say runs."""

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from juggernaut import embedded
from juggernaut.environment import ROOT
from tests import places
from tests.machine import rare_port
from tests.polling import until

PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
README = (ROOT / "README.md").read_text()
PARTS = ("web", "workers", "watchdog")


def unit(path: Path) -> configparser.SectionProxy:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[method-assign,assignment] # as its documentation says
    parsed.read_string(path.read_text())
    return parsed["Service"]


@pytest.mark.parametrize("part", PARTS)
def test_every_file_starts_a_part_with_the_same_words(part):
    words = shlex.split(PROCFILE[part])

    assert OURS[part]["command"] == words
    started = shlex.split(unit(ROOT / "deploy" / "systemd" / f"juggernaut-{part}.service")["ExecStart"])
    assert [Path(started[0]).name, *started[1:]] == words


def test_the_database_is_set_up_before_anything_else_starts():
    words = shlex.split(PROCFILE["release"])

    assert OURS["set-up"]["command"] == words
    assert all(
        OURS[part]["depends_on"]["set-up"] == {"condition": "service_completed_successfully"}
        for part in PARTS
    )
    web = unit(ROOT / "deploy" / "systemd" / "juggernaut-web.service")
    assert web["ExecStartPre"].split("/")[-1].split(" ", 1)[1] == words[1] + " " + words[2]


def test_the_image_has_every_package_and_every_program():
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}

    assert all((ROOT / source).exists() for source in sources)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages | {"templates", "manage.py", "watchdog_main.py"} <= sources
    sent = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert sent == sources
    assert 'CMD ["gunicorn"' in DOCKERFILE
    assert "USER juggernaut" in DOCKERFILE


def test_every_variable_in_these_files_stands_in_the_table_of_the_readme():
    named = set(re.findall(r"\b(?:JUGGERNAUT|DJANGO|DATABASE|REDIS)_[A-Z_]+\b", DOCKERFILE))
    named |= set(OURS["web"]["environment"]) | set(OURS["set-up"]["environment"])
    example = (ROOT / "deploy" / "juggernaut.env.example").read_text()
    named |= set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))

    assert {name for name in named if f"`{name}`" not in README} == set()


def test_what_is_stopped_may_take_the_grace_time_and_a_margin():
    assert OURS["workers"]["stop_grace_period"] == "40s"
    assert int(unit(ROOT / "deploy" / "systemd" / "juggernaut-workers.service")["TimeoutStopSec"]) == 40
    for path in UNITS:
        assert unit(path)["Restart"] == "always"
        assert unit(path)["KillMode"] == "mixed"  # SIGTERM for the parent alone, which drains its children


# ------------------------------------------------------------------------------------------- they run


@pytest.fixture(scope="module")
def parts():
    """Every line of the Procfile, each as a process of its own, in the production profile."""
    with ExitStack() as stack:
        place = stack.enter_context(places.var_folder())
        servers = stack.enter_context(embedded.running(place, named={}))
        port = rare_port()
        environment = {
            **os.environ,
            **servers.environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "JUGGERNAUT_VAR": str(place),
            "JUGGERNAUT_LOGS": str(place / "logs"),
            "JUGGERNAUT_PROFILE": "production",
            "JUGGERNAUT_ALLOWED_HOSTS": "juggernaut.example.com",
            "JUGGERNAUT_PORT": str(port),
            "DJANGO_SECRET_KEY": "q8!vZ" * 13,
            "JUGGERNAUT_TLS_REDIRECT": "1",
        }
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        subprocess.run(shlex.split(PROCFILE["release"]), cwd=ROOT, env=environment, check=True)
        for part in PARTS:
            started = subprocess.Popen(shlex.split(PROCFILE[part]), cwd=ROOT, env=environment)
            stack.callback(started.wait, 60)
            stack.callback(started.terminate)
        yield port, environment


def ask(port, path, *, token="", body=None, host="juggernaut.example.com"):
    headers = {"Host": host, "Content-Type": "application/json", "X-Forwarded-Proto": "https"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def is_healthy(parts):
    """What compose.yaml asks its web container."""
    port, environment = parts
    test = [word.replace(":8000", f":{port}") for word in OURS["web"]["healthcheck"]["test"][1:]]
    return subprocess.run(test, env=environment, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.alone
def test_the_lines_of_the_procfile_are_a_system_that_carries_out_tasks(parts):
    port, environment = parts
    until(lambda: is_healthy(parts), timeout=60, what="a healthy web server")
    made = subprocess.run(
        ["python", "manage.py", "create_token", "client", "--role", "operator"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    token = made.stdout.split()[-1]

    task = ask(
        port,
        "/api/tasks",
        token=token,
        body={"task_type": "evaluation", "payload": {"eval_type": "metric", "metric_value": 100}},
    )

    def ended():
        return ask(port, f"/api/tasks/{task['id']}", token=token)["status"] == "completed"

    until(ended, timeout=60, what="the verdict")
    until(lambda: ask(port, "/health")["status"] == "ok", timeout=60, what="a healthy system")


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_a_probe_may_ask_by_any_name_without_tls_and_nobody_else_may(parts, path):
    port, _ = parts
    until(lambda: is_healthy(parts), timeout=60, what="a healthy web server")

    assert ask(port, path, host="10.1.2.3")["status"] in {"ok", "degraded"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(port, "/api/tasks", host="10.1.2.3")
    with refused.value as answer:
        assert answer.code == 400
