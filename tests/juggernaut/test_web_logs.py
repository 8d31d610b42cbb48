"""What the web server writes: the access log on stdout if asked for, the log on stderr at a chosen level."""

import os
import socket
import subprocess
import sys

import httpx
import pytest

from juggernaut.environment import ROOT
from tests import polling

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "gunicorn", "-c", "python:juggernaut.web.gunicorn", "juggernaut.wsgi"]


@pytest.fixture
def said(tmp_path):
    """Start a web server with these settings, make requests of it; gives what it wrote on both streams."""

    def ask(*paths, **settings):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        environment = os.environ | {
            "PORT": port,
            "WEB_CONCURRENCY": "1",
            "JUGGERNAUT_LOGS": str(tmp_path),
            **settings,
        }
        out, err = tmp_path / "out", tmp_path / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            server = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=stdout, stderr=stderr)
        try:
            polling.until(lambda: _answers(port), timeout=60, what="the web server")
            for path in paths:
                httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=60)
            if settings.get("JUGGERNAUT_ACCESS_LOG") == "yes":
                polling.until(lambda: all(path.partition("?")[0] in out.read_text() for path in paths))
        finally:
            server.terminate()
            server.wait(60)
        return out.read_text(), err.read_text(), (tmp_path / "juggernaut.log").read_text()

    return ask


def _answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False, timeout=60).is_success
    except httpx.TransportError:
        return False


def test_an_access_log_is_written_to_stdout_on_request_without_queries(said):
    out, err, log = said(
        "/api/nothing?token=a-secret-in-a-query", JUGGERNAUT_ACCESS_LOG="yes", JUGGERNAUT_LOG_LEVEL="info"
    )

    [line] = [line for line in out.splitlines() if "/api/nothing" in line]
    assert " INFO web[" in line
    assert " gunicorn.access 127.0.0.1 GET /api/nothing 404 " in line
    assert "a-secret" not in out + err + log
    # At this level, what the file has stands on stderr, too; requests are not in the file.
    assert " INFO web[" in err
    assert "gunicorn.access" not in err + log


def test_nothing_but_warnings_is_written_to_the_streams_if_nobody_asks(said):
    out, err, log = said("/api/nothing")

    assert out == ""
    assert " INFO " not in err
    assert " INFO web[" in log
