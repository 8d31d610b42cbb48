"""Each test has the seeded rows, threads of its own behind the call pipeline, and a web server to talk to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reliability import calls
from reliability.breakers import client as gate
from reliability.engine.context import TaskContext
from tests.door import running_as
from tests.fleet import enlist
from tests.tools.site import Site, serving
from workers.sql import role as sql_role
from workers.tools import http_hosts


@pytest.fixture
def behind_the_door(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[None]:
    enlist()
    sql_role.prepare()
    settings.JUGGERNAUT_WORKSPACES = tmp_path / "workspaces"
    http_hosts.forget()
    gate.close()
    yield
    assert calls.leave(30) == 0
    gate.close()


@pytest.fixture
def context(behind_the_door: None) -> TaskContext:
    """A running task of EXECUTOR."""
    return running_as("EXECUTOR")


@pytest.fixture
def site(behind_the_door: None, settings: Any) -> Iterator[Site]:
    """A web server on loopback, which the operator has listed."""
    with serving() as started:
        settings.JUGGERNAUT_HTTP_PRIVATE_HOSTS = [f"127.0.0.1:{started.port}", f"localhost:{started.port}"]
        yield started
