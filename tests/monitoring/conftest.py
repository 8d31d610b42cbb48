"""Servers that a test may stop and freeze, and workers that live as long as it says."""

import os
import signal
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from governance.models import Worker, WorkerProcess
from juggernaut import embedded
from monitoring.health import readiness
from monitoring.health import report as health
from monitoring.health.single_flight import SingleFlight
from reliability.dependency_log import Outage
from tests.fleet import enlist

WORKERS = ("EXECUTOR", "ANALYST", "STRATEGIST", "ORCHESTRATOR")


@pytest.fixture
def look_anew(monkeypatch):
    """Forgets what earlier tests saw; call it again to see what has changed since."""

    def forget():
        monkeypatch.setattr(health, "_database", SingleFlight(health._look_at_database))
        monkeypatch.setattr(health, "_redis", SingleFlight(health._look_at_redis))
        monkeypatch.setattr(readiness, "_readiness", SingleFlight(readiness._why_not))

    forget()
    monkeypatch.setattr(health, "_database_outage", Outage("database connection", health.logger))
    monkeypatch.setattr(health, "_redis_outage", Outage("redis connection", health.logger))
    return forget


@pytest.fixture
def living_system(transactional_db, look_anew):
    """Every worker has a process, the watchdog was just heard of; committed, for other connections."""
    enlist()
    for worker_id in (*WORKERS, "WATCHDOG"):
        Worker.objects.update_or_create(worker_id=worker_id, defaults={"last_heartbeat": timezone.now()})
    return WorkerProcess.objects.create(worker_ids=list(WORKERS), host="here", pid=1, machine="m")


@pytest.fixture
def silence():
    """Lets the time pass since a process, or the watchdog, was last heard of."""

    def since(*, process=None, watchdog=None):
        if process:
            WorkerProcess.objects.update(last_seen=timezone.now() - timedelta(seconds=process))
        if watchdog:
            heard_at = timezone.now() - timedelta(seconds=watchdog)
            Worker.objects.filter(worker_id="WATCHDOG").update(last_heartbeat=heard_at)

    return since


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    server = embedded.PostgreSQL(tmp_path_factory.mktemp("postgres"), preferred_port=25600)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    server = embedded.Redis(tmp_path_factory.mktemp("redis"), preferred_port=26600)
    server.start()
    yield server
    server.stop()


@contextmanager
def frozen(server):
    """The server keeps its sockets and says nothing."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.fixture
def database_at(monkeypatch):
    """Points the probe, in any thread, at another port of this machine."""

    def point(port):
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", str(port))

    return point
