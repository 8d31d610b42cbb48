"""Clients of the API, the product's web server, and the state of the world that other tests stand on."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx
import pytest
from django.db import connection

from juggernaut.environment import ROOT
from tests import polling
from tests.fleet import enlist
from tests.governance.api_client import Api, client_of, make_user, of_role


@pytest.fixture
def client_with(db: None) -> Callable[..., Api]:
    """`client_with("add_task", …)`: a client whose token carries exactly these permissions."""

    def make(*codenames: str, name: str = "ci") -> Api:
        return client_of(make_user(name, *codenames))

    return make


@pytest.fixture
def operator(db: None) -> Api:
    return of_role("operator")


@pytest.fixture
def viewer(db: None) -> Api:
    return of_role("viewer")


@pytest.fixture
def admin(db: None) -> Api:
    return of_role("admin")


@pytest.fixture
def nobody(db: None) -> Api:
    """Without a token, from elsewhere (the test client's host name is not a loopback one)."""
    return Api()


@pytest.fixture
def fleet(transactional_db: None) -> None:
    """The workers that the migration registers, in a test whose predecessor emptied every table."""
    enlist()


@pytest.fixture
def web_server(fleet: None) -> Iterator[str]:
    """The product's own web server on the test's database: processes, threads, connections. Its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "-c", "python:juggernaut.web.gunicorn", "juggernaut.wsgi"]
    environment = os.environ | {"DATABASE_URL": _url_of_test_database(), "JUGGERNAUT_PORT": port}
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        polling.until(lambda: _answers(url), timeout=60, what="the web server")
        yield url
    finally:
        server.terminate()
        server.wait()


def _url_of_test_database() -> str:
    where = connection.settings_dict
    account = ":".join(quote(where[part], safe="") for part in ("USER", "PASSWORD") if where[part])
    return f"postgresql://{account}@{where['HOST']}:{where['PORT']}/{where['NAME']}"


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/nothing").status_code == 404
    except httpx.TransportError:
        return False
