"""An agent of ten steps on a machine that is broken under it, and what was asked and done for it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.system import DONE_SECONDS, System
from tests.faults.tools import BEGAN, DONE, Line
from tests.polling import until
from tests.workers.provider import Provider

STEPS = 10
# A call that takes so long ends only with its process.
FOR_EVER = 600.0


@dataclass
class Agent:
    """A task of ten turns, each but the last with one call of a journal."""

    system: System
    provider: Provider
    journal: Path
    tool: str = "journal.write"
    id: str = ""

    @property
    def mark(self) -> str:
        """What its requests are known by."""
        return self.journal.name

    def start(self) -> None:
        # A call that a person forbids to repeat brings the model nothing: it is not to be stopped for that.
        payload = {"prompt": self.mark, "tools": [self.tool], "limits": {"idle_turns": 100}}
        [self.id] = self.system.submit([{"task_type": "agent", "payload": payload}])

    def script(self, *, is_slow_once: bool = False) -> list[dict[str, Any]]:
        """What the model says; if `is_slow_once` the first answer of each turn never comes."""
        name = self.tool.replace(".", "_")
        calls = [{"journal": str(self.journal), "number": n} for n in range(1, STEPS)]
        said = [{"tool_calls": [{"name": name, "arguments": call}]} for call in calls] + [{"text": "Done."}]
        lines = [{"contains": self.mark, "turn": turn} | line for turn, line in enumerate(said)]
        slow = [line | {"times": 1, "seconds": FOR_EVER} for line in lines] if is_slow_once else []
        return slow + lines

    def close_gates(self, at: str) -> None:
        """Each call waits at this line until its gate is opened."""
        for number in range(1, STEPS):
            self._gate(at, number).touch()

    def open_gate(self, at: str, number: int) -> None:
        self._gate(at, number).unlink()

    def _gate(self, at: str, number: int) -> Path:
        return Line(journal=self.journal, number=number).gate(at)

    # ------------------------------------------------------------------------------------ what came to be

    def requests(self) -> Counter[int]:
        """How often the provider was asked in each turn, from 1."""
        bodies = [entry["body"]["messages"] for entry in self.provider.received()]
        mine = [messages for messages in bodies if messages[1]["content"] == self.mark]
        return Counter(1 + sum(m["role"] == "assistant" for m in messages) for messages in mine)

    def lines(self, at: str) -> Counter[int]:
        """How often the tool came to this line, by the number of its call, which is its turn's."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return Counter(int(line.split()[1]) for line in lines if line.startswith(at))

    def finished(self) -> set[tuple[int, int]]:
        """Turn and call of the steps that are stored."""
        return set(self.system.sql("SELECT turn, call FROM task_steps WHERE task_id = %s", self.id))

    def so_far(self) -> dict[tuple[int, int], int]:
        """For each finished step, how often it was asked for or begun until now."""
        requests, calls = self.requests(), self.lines(BEGAN)
        return {(turn, call): (calls if call else requests)[turn] for turn, call in self.finished()}

    def status(self) -> str:
        return str(self.system.ask(f"/api/tasks/{self.id}")["status"])

    # ------------------------------------------------------------------------------------------- its fate

    def kill(self) -> None:
        """Kill the process that holds the task, and wait for another one."""
        [(pid,)] = self.system.sql(
            "SELECT p.pid FROM governance_tasks t JOIN worker_processes p ON p.process_id = t.lease_owner"
            " WHERE t.id = %s",
            self.id,
        )
        known = self.crashes()
        next(worker for worker in self.system.of_role("worker") if worker.pid == pid).kill()
        until(lambda: self.crashes() > known, timeout=DONE_SECONDS, what="the crash in the task's history")
        self.system.await_workers()

    def crashes(self) -> int:
        """How many processes have died under it, by its history."""
        [(count,)] = self.system.sql(
            "SELECT count(*) FROM task_events WHERE task_id = %s AND reason LIKE '%%(crash %%)'", self.id
        )
        return int(count)

    def await_done(self) -> None:
        ended = {"completed", "failed", "cancelled"}
        until(lambda: self.status() in ended, timeout=DONE_SECONDS, what="the end of the agent")
        task = self.system.ask(f"/api/tasks/{self.id}")
        assert task["status"] == "completed", task["error_message"]
        assert (task["result"]["turns"], task["result"]["tool_calls"]) == (STEPS, STEPS - 1)


__all__ = ["BEGAN", "DONE", "STEPS", "Agent"]
