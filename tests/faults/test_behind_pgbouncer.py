"""Faults behind a PgBouncer in transaction mode: one system is broken in five ways, one after the other.

`JUGGERNAUT_TEST_POOLER=1 pytest tests/faults` takes all the others of this folder through it.
"""

from collections.abc import Iterator
from signal import SIGKILL

import pytest

from juggernaut.embedded.redis import Redis
from tests import places
from tests.faults import test_agents, test_postgres_away, test_redis_away, test_watchdog_deaths
from tests.faults.agents import DONE, Agent
from tests.faults.pooled import PooledSystem, pooled_system
from tests.faults.system import DONE_SECONDS, running
from tests.faults.test_agents import agent, provider  # noqa: F401 (fixtures)
from tests.faults.test_watchdog_deaths import standby  # noqa: F401 (a fixture)
from tests.faults.test_worker_deaths import test_a_killed_worker_process_loses_nothing  # noqa: F401
from tests.polling import until
from tests.workers.provider import Provider


@pytest.fixture(scope="module")
def place():
    with places.var_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def own_redis(place):
    """A Redis that no supervisor starts again."""
    server = Redis(place / "elsewhere")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def system(place, own_redis, provider: Provider) -> Iterator[PooledSystem]:  # noqa: F811
    with (
        pooled_system(
            place,
            REDIS_URL=own_redis.url,
            JUGGERNAUT_LLM_BASE_URL=provider.url,
            JUGGERNAUT_LLM_API_KEY="a-key",
            JUGGERNAUT_LLM_SERVICE="simulated",
            JUGGERNAUT_LLM_MODELS=test_agents.MODEL,
            JUGGERNAUT_TOOLS="tests.faults.tools",
        ) as mine,
        running(mine),
    ):
        yield mine


def test_it_says_so(system):
    said = "statements are not prepared by name, workers poll every 0.25 s"
    diagnosed = system.command("diagnose", "database")

    assert f"transaction mode (detected); {said}" in system.output
    assert (
        f"PostgreSQL is behind a connection pooler: transaction mode (detected); {said}"
        in system.log_path.read_text()
    )
    assert f"behind a connection pooler (transaction mode): {said}" in diagnosed.stdout
    assert "DATABASE_URL_DIRECT" in diagnosed.stdout


def test_nobody_listens_or_prepares(system):
    found = "SELECT query FROM pg_stat_activity WHERE query ~ '^(LISTEN|PREPARE|EXECUTE|DECLARE)'"

    assert system.sql(found) == []


def test_a_killed_leader(system, standby, load, assert_sound):  # noqa: F811
    test_watchdog_deaths.test_a_standby_rescues_what_the_killed_leader_would_have(
        system, standby, load, assert_sound
    )


def test_redis_that_stands_still(system, load, assert_sound, own_redis, loaded):
    test_redis_away.test_without_redis_work_goes_on_and_health_says_so(
        system, load, assert_sound, own_redis, "frozen", loaded
    )


def test_a_postgresql_that_is_killed(system, load, assert_sound):
    test_postgres_away.test_tasks_run_on_while_postgresql_is_away(system, load, assert_sound, SIGKILL)


def test_an_agent_whose_process_is_killed(system, provider: Provider, agent):  # noqa: F811
    running: Agent = agent("pooled")
    provider.tell(script=running.script()).raise_for_status()
    running.close_gates(DONE)
    running.start()

    until(lambda: running.lines(DONE)[1], timeout=DONE_SECONDS, what="the first effect")
    seen = running.so_far()
    running.kill()
    for turn in test_agents.CALLS:
        running.open_gate(DONE, turn)
    running.await_done()

    test_agents.assert_nothing_twice(running, [seen])
    assert running.requests() == dict.fromkeys(test_agents.TURNS, 1)
    test_agents.assert_paid(system, running, unknown=0)
