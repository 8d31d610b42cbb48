"""A machine is ready when its web server accepts connections and every worker has a living process."""

import os
import socket
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import pytest
from django.db import connection

from governance.models import Worker, WorkerProcess
from juggernaut.supervisor import banner, readiness
from juggernaut.supervisor.parts import Program
from juggernaut.supervisor.readiness import Readiness
from juggernaut.web.bind_address import WebAddress
from tests import fleet

pytestmark = pytest.mark.django_db(transaction=True)
EVERYBODY = ["ANALYST", "EXECUTOR", "ORCHESTRATOR", "STRATEGIST"]


def url(**changed):
    where = {**connection.settings_dict, **changed}
    return f"postgresql://{where['USER']}:{where['PASSWORD']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"


@pytest.fixture
def ready():
    """A machine whose workers' parent is the parent of this process."""
    fleet.enlist()
    workers = cast("Program", SimpleNamespace(pid=os.getppid()))
    return Readiness(address=None, workers=workers, environment={"DATABASE_URL": url()})


def lives(*worker_ids, pid=None, state="running"):
    WorkerProcess.objects.create(
        process_id=uuid4(), worker_ids=worker_ids, host="here", pid=pid or os.getpid(), state=state
    )


def test_every_worker_with_a_process_of_this_machine_is_ready(ready):
    lives(*EVERYBODY[:2])
    lives(*EVERYBODY[2:])

    assert ready.missing() == []


def test_workers_without_a_process_are_named(ready):
    lives("ANALYST", "EXECUTOR")

    assert ready.missing() == ["no process takes tasks of ORCHESTRATOR, STRATEGIST"]


@pytest.mark.parametrize("process", [{"pid": 1}, {"state": "draining"}])
def test_a_process_of_another_machine_or_one_that_leaves_does_not_count(ready, process):
    lives(*EVERYBODY, **process)

    assert ready.missing() == [f"no process takes tasks of {', '.join(EVERYBODY)}"]


def test_the_row_that_an_earlier_process_left_does_not_count(ready):
    lives(*EVERYBODY)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE worker_processes SET last_seen = now() - interval '11 seconds'")

    assert ready.missing()


def test_a_worker_that_somebody_registered_needs_one_too(ready):
    Worker.objects.create(worker_id="TRANSLATOR")
    lives(*EVERYBODY)

    assert ready.missing() == ["no process takes tasks of TRANSLATOR"]


def test_an_empty_registry_is_not_ready(ready):
    Worker.objects.all().delete()

    assert ready.missing() == ["no worker is registered: run `manage.py set_up`"]


def test_workers_that_have_ended_are_not_ready(ready):
    lives(*EVERYBODY)
    ready._workers.pid = None

    assert ready.missing() == ["the workers' process has ended"]


def test_a_database_that_does_not_answer_is_not_ready(ready):
    ready._environment = {"DATABASE_URL": url(PORT=1)}

    [reason] = ready.missing()

    assert "the database does not say which workers live" in reason
    assert "refused" in reason


def test_a_machine_without_workers_waits_for_its_web_server_alone():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = WebAddress("127.0.0.1", server.getsockname()[1])
        web = Readiness(address=address, workers=None, environment={})

        assert web.missing() == []
    assert web.missing() == [f"the web server does not accept connections at {address.url}"]


def test_it_complains_once_and_only_when_it_took_too_long(ready, monkeypatch):
    assert not ready.is_complaint_due()
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.0)

    assert [ready.is_complaint_due() for _ in range(3)] == [True, False, False]


def test_the_complaint_says_what_is_missing_and_where_to_read():
    text = banner.not_ready(["no process takes tasks of EXECUTOR"])

    assert "Juggernaut is NOT ready" in text
    assert "no process takes tasks of EXECUTOR" in text
    assert "juggernaut.log" in text
    assert "manage.py diagnose" in text
    assert "is running" not in text
