"""A hundred agents wait for a slow provider in one worker process, which stays small meanwhile."""

import pytest

from benchmarks import agents
from tests.faults.system import System
from tests.polling import until
from tests.workers.provider import Provider


@pytest.fixture
def provider(tmp_path):
    running = Provider(tmp_path)
    running.tell(**agents.PLAN).raise_for_status()
    yield running
    running.end()


@pytest.fixture
def system(own_var, provider):
    """A machine with one worker process."""
    mine = System(own_var, JUGGERNAUT_WORKER_PROCESSES="1", **agents.environment(provider.root))
    try:
        mine.start()
        mine.await_running()
        mine.sql(agents.PREPARED)
        until(mine.worker_rows, timeout=60, what="a registered worker process")
        yield mine
    finally:
        mine.end()


@pytest.mark.slow
def test_a_hundred_agents_wait_in_one_process_on_few_connections_and_little_memory(system, provider):
    held = agents.Held(system.the("worker"))
    [(port,)] = system.sql("SELECT inet_server_port()")
    system.submit([agents.SUBMITTED] * agents.AGENTS)

    def have_completed():
        held.look(port=port)
        [(count,)] = system.sql("SELECT count(*) FROM governance_tasks WHERE status = 'completed'")
        return count == agents.AGENTS

    until(have_completed, timeout=240, what="a hundred agents completed")

    assert provider.most_at_once() == agents.AGENTS
    assert len(provider.received()) == agents.AGENTS * agents.TURNS
    assert 1 < held.connections <= agents.MOST_CONNECTIONS
    assert 20 < held.megabytes < agents.MOST_MEGABYTES
