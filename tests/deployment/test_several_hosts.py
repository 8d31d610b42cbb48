"""Workers on three hosts and a database on a fourth: one is cut off, and every task is done once."""

import json
import os
from contextlib import ExitStack

import pytest

from tests import places
from tests.deployment.network import DatabaseHost, Network, WorkerHost
from tests.faults import record
from tests.faults.system import DONE_SECONDS, RECOVERY_SECONDS, Batch, select
from tests.polling import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may make namespaces of the network"),
]

DATABASE, FIRST, SECOND, THIRD = 1, 2, 3, 4
# More than two hosts take, so that the third has some, too.
TASKS = 300


class Fleet:
    """Three hosts with workers at one database, looked at through the database alone."""

    def __init__(self, network, database, hosts):
        self.network, self.hosts, self._database = network, hosts, database

    def sql(self, statement, *parameters):
        return select(self._database.url, statement, *parameters)

    def submit(self, tasks):
        rows = self.sql(
            "INSERT INTO governance_tasks (task_type, payload, timeout_seconds)"
            " SELECT t->>'task_type', t->'payload', 600 FROM jsonb_array_elements(%s::jsonb) t"
            " RETURNING id::text",
            json.dumps(tasks),
        )
        return [task for (task,) in rows]

    def held_by(self, name):
        rows = self.sql(
            "SELECT t.id::text FROM governance_tasks t JOIN worker_processes p"
            " ON p.process_id = t.lease_owner WHERE p.host = %s",
            name,
        )
        return {task for (task,) in rows}

    def is_migrated(self):
        return self.sql("SELECT to_regclass('worker_processes') IS NOT NULL") == [(True,)]

    def has_workers(self):
        hosts = self.sql("SELECT count(DISTINCT host) FROM worker_processes WHERE state = 'running'")
        return hosts == [(len(self.hosts),)]

    def is_spread(self):
        return all(self.held_by(host.name) for host in self.hosts)

    def leader(self):
        """The host whose watchdog leads."""
        found = self.sql("SELECT split_part(owner, ':', 1) FROM leadership WHERE expires_at > now()")
        return found[0][0] if found else None


@pytest.fixture
def fleet():
    with ExitStack() as stack:
        place = stack.enter_context(places.var_folder())
        network = stack.enter_context(Network(4).up())
        database = DatabaseHost(network, DATABASE, place / "database")
        urls = stack.enter_context(database.up())
        environment = {**urls} | {"JUGGERNAUT_TASK_TYPES": "benchmarks.task_types,tests.faults.task_types"}
        hosts = [
            stack.enter_context(WorkerHost(network, number, place / f"host{number}", environment).up())
            for number in (FIRST, SECOND, THIRD)
        ]
        yield Fleet(network, database, hosts)


def test_a_host_that_is_cut_off_loses_its_tasks_and_none_is_done_twice(fleet, tmp_path):
    until(fleet.is_migrated, timeout=90, what="a database")
    until(fleet.has_workers, timeout=90, what="workers on three hosts")
    fleet.sql("UPDATE worker_registry SET max_concurrency = 50")
    batch = Batch(fleet, [{"task_type": "hold", "payload": {"place": str(tmp_path)}}] * TASKS)
    until(fleet.is_spread, timeout=60, what="tasks on every host")
    leader = until(fleet.leader, timeout=30, what="a leading watchdog")
    [cut] = [host for host in fleet.hosts if host.name == leader]

    fleet.network.cut(cut.number)

    held = fleet.held_by(cut.name)
    fleet.sql("UPDATE worker_registry SET max_concurrency = 300")
    until(lambda: batch.crashed() == held, timeout=4 * RECOVERY_SECONDS, what="its tasks taken back")
    until(lambda: batch.is_in_flight() and not fleet.held_by(cut.name), timeout=60, what="running elsewhere")
    assert fleet.leader() != cut.name
    (tmp_path / "open").touch()
    until(batch.is_done, timeout=DONE_SECONDS, what="all tasks done by the two others")
    fleet.network.mend(cut.number)
    until(lambda: fleet.has_workers() and fleet.held_by(cut.name) == set(), timeout=60, what="three hosts")
    more = Batch(fleet, [{"task_type": "noop", "payload": {}}] * TASKS)
    until(more.is_done, timeout=DONE_SECONDS, what="further tasks")
    for done in (batch, more):
        record.assert_done_exactly_once(done, late=True)
    record.assert_crashed_once(batch, held)
    assert not [line for host in fleet.hosts for line in host.log.splitlines() if "Traceback" in line]
