"""An agent of ten steps is killed at every one: what was finished is neither paid for nor repeated."""

from collections import Counter
from decimal import Decimal
from functools import partial

import pytest

from tests.faults.agents import BEGAN, DONE, STEPS, Agent
from tests.faults.system import DONE_SECONDS
from tests.polling import until
from tests.workers.provider import Provider

MODEL = "sim/agents"
TURNS = range(1, STEPS + 1)
CALLS = range(1, STEPS)
# The watchdog looks every five seconds for what a person has decided in SQL.
DECIDED_SECONDS = 30


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    running = Provider(tmp_path_factory.mktemp("provider"))
    yield running
    running.end()


@pytest.fixture
def settings_of_machine(provider):
    return {
        "JUGGERNAUT_LLM_BASE_URL": provider.url,
        "JUGGERNAUT_LLM_API_KEY": "a-key",
        "JUGGERNAUT_LLM_SERVICE": "simulated",
        "JUGGERNAUT_LLM_MODELS": MODEL,
        "JUGGERNAUT_TOOLS": "tests.faults.tools",
    }


@pytest.fixture
def agent(system, provider, tmp_path):
    """`agent(name)` is a task that is not submitted yet, for a worker that may do what it needs."""
    system.sql(
        "INSERT INTO worker_tool_permissions (worker_id, tool_name)"
        " VALUES ('EXECUTOR', 'model.chat'), ('EXECUTOR', 'journal.*')"
        " ON CONFLICT (worker_id, tool_name, effect) DO UPDATE SET requires_approval = false,"
        " max_calls_per_day = NULL, max_calls_per_minute = NULL"
    )
    system.sql(
        "INSERT INTO model_prices (service, model, input_usd_per_mtok, output_usd_per_mtok)"
        " VALUES ('simulated', %s, 0.1, 0.4)",
        MODEL,
    )
    # What this is about is one task that loses its process again and again, not how long it waits then.
    provider.reset()
    return lambda name, **facts: Agent(system, provider, tmp_path / name, **facts)


def test_it_is_killed_while_the_model_thinks_in_every_turn(system, provider, agent):
    running = agent("thinking")
    provider.tell(script=running.script(is_slow_once=True)).raise_for_status()
    running.start()

    seen = []
    for turn in TURNS:
        until(partial(is_asked, running, turn), timeout=DONE_SECONDS, what=f"the model asked in turn {turn}")
        seen.append(running.so_far())
        running.kill()
    running.await_done()

    assert set(seen[-1]) == {(turn, call) for turn in CALLS for call in (0, 1)}
    assert_nothing_twice(running, seen)
    assert running.requests() == dict.fromkeys(TURNS, 2)
    assert running.lines(DONE) == dict.fromkeys(CALLS, 1)
    assert_paid(system, running, unknown=STEPS)


@pytest.mark.parametrize("at", [BEGAN, DONE])
def test_it_is_killed_under_every_call_before_and_after_its_effect(system, provider, agent, at):
    """Its tool may be called again when nobody knows whether it was carried out: once for each death."""
    running = agent(f"calling-{at}")
    provider.tell(script=running.script()).raise_for_status()
    running.close_gates(at)
    running.start()

    seen = []
    for turn in CALLS:
        until(partial(has_come_to, running, at, turn), timeout=DONE_SECONDS, what=f"call {turn} {at}")
        seen.append(running.so_far())
        assert (turn, 1) not in seen[-1]
        running.kill()
        running.open_gate(at, turn)
    running.await_done()

    assert_nothing_twice(running, seen)
    assert running.requests() == dict.fromkeys(TURNS, 1)
    assert running.lines(BEGAN) == dict.fromkeys(CALLS, 2)
    assert running.lines(DONE) == dict.fromkeys(CALLS, 1 if at == BEGAN else 2)
    assert_paid(system, running, unknown=0)


def test_a_call_that_must_not_be_repeated_waits_for_a_person_and_a_death_while_it_waits_changes_nothing(
    system, provider, agent
):
    """Killed behind the effect of a call and before its record, then again while a person is asked."""
    running = agent("asking", tool="journal.post")
    provider.tell(script=running.script()).raise_for_status()
    running.close_gates(DONE)
    running.start()

    for turn in CALLS:
        until(partial(has_come_to, running, DONE, turn), timeout=DONE_SECONDS, what=f"effect {turn}")
        running.kill()
        running.open_gate(DONE, turn)
        until(lambda: running.status() == "waiting_approval", timeout=DONE_SECONDS, what="a question")
        if turn % 3 == 0:
            kill_every_worker(system)
        reject(system, running)
    until(lambda: running.status() == "completed", timeout=DECIDED_SECONDS, what="the end of the agent")

    assert running.requests() == dict.fromkeys(TURNS, 1)
    assert running.lines(DONE) == dict.fromkeys(CALLS, 1)
    assert_paid(system, running, unknown=0)


def has_come_to(agent, at, turn):
    return agent.lines(at)[turn]


def is_asked(agent, turn):
    return agent.requests()[turn]


def kill_every_worker(system):
    for worker in system.of_role("worker"):
        worker.kill()
    system.await_workers()


def reject(system, agent):
    """The person knows that it was done."""
    [(wait,)] = system.sql("SELECT wait ->> 'name' FROM governance_tasks WHERE id = %s", agent.id)
    system.sql(
        "UPDATE approvals SET status = 'rejected', decided_by = 'tests', decided_at = now(),"
        " reason = 'it was done' WHERE id = %s::uuid AND status = 'pending'",
        wait,
    )
    until(lambda: agent.status() != "waiting_approval", timeout=DECIDED_SECONDS, what="the answer heard")


def assert_nothing_twice(agent, seen):
    """What was finished when a process was killed (`seen`, of `so_far`) was not asked for again."""
    at_the_end = agent.so_far()
    assert set(at_the_end) == {(turn, 0) for turn in TURNS} | {(turn, 1) for turn in CALLS}
    for finished in seen:
        assert {step: at_the_end[step] for step in finished} == finished


def assert_paid(system, agent, *, unknown):
    """One line of the ledger for each answer; for each call that nobody came back from its hold, which is
    charged when it expires."""
    lines = system.sql("SELECT price_source, cost_usd FROM api_cost_tracking WHERE task_id = %s", agent.id)
    paid = [usd for source, usd in lines if source == "provider"]
    [(told,)] = system.sql(
        "SELECT (result ->> 'cost_usd')::numeric FROM governance_tasks WHERE id = %s", agent.id
    )
    assert (len(paid), sum(paid)) == (STEPS, told)
    assert told > Decimal(0)
    holds = Counter(
        state for (state,) in system.sql("SELECT state FROM budget_holds WHERE task_id = %s", agent.id)
    )
    assert (holds["settled"], holds.total() - holds["settled"]) == (STEPS, unknown)
