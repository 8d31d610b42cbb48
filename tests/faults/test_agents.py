"""An agent of ten steps is killed at every one: what was finished is neither paid for nor repeated."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tests.faults.system import DONE_SECONDS, System
from tests.polling import until
from tests.workers.provider import Provider

MODEL = "sim/agents"
STEPS = 10
# A task may lose its process twice; the third time it is given up.


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    running = Provider(tmp_path_factory.mktemp("provider"))
    running.tell(latency={"seconds": 0.3}).raise_for_status()
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


@dataclass
class Agent:
    """A task of ten turns, each but the last with one call of the journal."""

    system: System
    provider: Provider
    journal: Path

    def __post_init__(self) -> None:
        self.mark = self.journal.name
        payload = {"prompt": f"{self.mark}", "tools": ["journal.write"]}
        [self.id] = self.system.submit([{"task_type": "agent", "payload": payload}])

    def requests(self) -> Counter[int]:
        """How often the provider was asked in each turn, from 1."""
        bodies = [entry["body"]["messages"] for entry in self.provider.received()]
        mine = [messages for messages in bodies if messages[1]["content"] == self.mark]
        return Counter(1 + sum(m["role"] == "assistant" for m in messages) for messages in mine)

    def calls(self) -> Counter[str]:
        """How often the tool began, by execution."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return Counter(line.split()[1] for line in lines if line.startswith("began"))

    def steps(self) -> set[tuple[int, int, str]]:
        """What is finished: turn, call, execution."""
        rows = self.system.sql(
            "SELECT turn, call, execution_id::text FROM task_steps WHERE task_id = %s", self.id
        )
        return set(rows)

    def kill(self) -> None:
        """Kill the process that holds the task."""
        [(pid,)] = self.system.sql(
            "SELECT p.pid FROM governance_tasks t JOIN worker_processes p ON p.process_id = t.lease_owner"
            " WHERE t.id = %s",
            self.id,
        )
        next(worker for worker in self.system.of_role("worker") if worker.pid == pid).kill()

    def await_done(self) -> None:
        address = f"/api/tasks/{self.id}"
        until(
            lambda: self.system.ask(address)["status"] not in {"pending", "in_progress"},
            timeout=DONE_SECONDS,
            what="the end of the agent",
        )
        task = self.system.ask(address)
        assert task["status"] == "completed", task["error_message"]
        assert (task["result"]["turns"], task["result"]["tool_calls"]) == (STEPS, STEPS - 1)


def is_asking(agent, turn):
    """The provider has been asked for this turn's answer."""
    return agent.requests()[turn]


def is_calling(agent, turn):
    """The tool has begun what was asked for in this turn."""
    return sum(agent.calls().values()) >= turn


MODEL_KILLS = [(is_asking, turns) for turns in ((1, 6), (2, 7), (3, 8), (4, 9), (5, 10))]
TOOL_KILLS = [(is_calling, turns) for turns in ((1, 5), (4, 9))]


@pytest.fixture
def agent(system, provider, tmp_path):
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

    def start(name):
        journal = tmp_path / name
        calls = [
            {"name": "journal_write", "arguments": {"journal": str(journal), "number": n}}
            for n in range(STEPS - 1)
        ]
        script = [{"contains": name, "turn": turn, "tool_calls": [call]} for turn, call in enumerate(calls)]
        provider.tell(script=[*script, {"contains": name, "turn": STEPS - 1, "text": "Done."}])
        return Agent(system, provider, journal)

    return start


def done_so_far(agent):
    """What is finished, and how often it was asked for or begun until then."""
    requests, calls = agent.requests(), agent.calls()
    return {
        (turn, call): calls[execution] if call else requests[turn] for turn, call, execution in agent.steps()
    }


def assert_nothing_twice(agent, *seen):
    """What was finished when a process was killed (`seen`, of `done_so_far`) was not asked for again."""
    at_the_end = done_so_far(agent)
    for finished in seen:
        assert {step: at_the_end[step] for step in finished} == finished
    assert set(agent.requests()) == set(range(1, STEPS + 1))
    assert sum(agent.requests().values()) <= STEPS + len(seen)
    assert sum(agent.calls().values()) <= STEPS - 1 + len(seen)
    kept = [execution for _, call, execution in agent.steps() if call]
    assert len(kept) == len(set(kept)) == STEPS - 1


def assert_paid_once(system, agent):
    """One line of the ledger for each answer, and the whole hold for each call that nobody came back from."""
    lines = system.sql(
        "SELECT price_source, count(*), sum(cost_usd) FROM api_cost_tracking WHERE task_id = %s GROUP BY 1",
        agent.id,
    )
    counts = {source: count for source, count, _ in lines}
    assert counts.get("provider") == STEPS
    [(told,)] = system.sql(
        "SELECT (result ->> 'cost_usd')::numeric FROM governance_tasks WHERE id = %s", agent.id
    )
    assert {source: usd for source, _, usd in lines}["provider"] == told > Decimal(0)


def test_an_agent_that_is_killed_at_any_step_goes_on_behind_what_it_has_finished(system, agent):
    for number, (reached, turns) in enumerate([*MODEL_KILLS, *TOOL_KILLS]):
        running = agent(f"agent-{number}")
        seen = []
        for turn in turns:
            until(partial(reached, running, turn), timeout=DONE_SECONDS, what=f"{running.mark} at {turn}")
            running.kill()
            seen.append(done_so_far(running))
            system.await_workers()
        running.await_done()
        assert_nothing_twice(running, *seen)
        assert_paid_once(system, running)
