"""`manage.py run_workers`: what it accepts. What the cluster does is tested with the cluster."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from governance.models import Worker
from reliability.cluster import parent as cluster
from reliability.cluster import shared_state


@pytest.fixture
def served(monkeypatch):
    """Notes instead of becoming a cluster."""
    notes = {}
    monkeypatch.setattr(shared_state, "worker_ids", shared_state.worker_ids)
    monkeypatch.setattr("django_q.conf.Conf.WORKERS", 2)
    monkeypatch.setattr(cluster, "serve", lambda **options: notes.update(options))
    return notes


@pytest.mark.django_db
def test_it_serves_every_registered_worker_but_the_watchdog(served):
    Worker.objects.create(worker_id="TRANSLATOR")

    call_command("run_workers")

    assert shared_state.worker_ids == ("ANALYST", "EXECUTOR", "ORCHESTRATOR", "STRATEGIST", "TRANSLATOR")
    assert served["function"] == "reliability.engine.run_worker_loop"


@pytest.mark.django_db
def test_it_serves_the_named_workers_each_once(served):
    call_command("run_workers", "EXECUTOR", "ANALYST", "EXECUTOR", processes=3)

    assert shared_state.worker_ids == ("EXECUTOR", "ANALYST")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["EXECUTER", "WATCHDOG"])
def test_a_worker_that_it_cannot_serve_is_refused_with_those_it_can(served, name):
    with pytest.raises(CommandError, match=f"no such worker: {name}; known are ANALYST, EXECUTOR, "):
        call_command("run_workers", "ANALYST", name)

    assert not served


def test_a_pool_of_no_processes_is_refused(served):
    with pytest.raises(CommandError, match="at least 1"):
        call_command("run_workers", "--processes", "0")


def test_the_watchdogs_cluster_cannot_run_workers(served, monkeypatch):
    monkeypatch.setattr("django_q.conf.Conf.CLUSTER_NAME", "watchdog")

    with pytest.raises(CommandError, match="Q_CLUSTER_NAME is 'watchdog'"):
        call_command("run_workers")


@pytest.mark.django_db(transaction=True)
def test_without_a_database_it_says_so_in_one_line(served, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    with pytest.raises(CommandError, match="database connection failed: "):
        call_command("run_workers")
