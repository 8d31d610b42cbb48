"""A hundred agents that wait for a slow provider in one worker process: what that process holds meanwhile.

python -m benchmarks agents
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.report import Row
from benchmarks.system import System, until
from juggernaut.environment import ROOT

AGENTS = 100
TURNS = 3
SECONDS = 3.0
MOST_MEGABYTES = 250
MOST_CONNECTIONS = 12

# No proxy of the environment: it would be asked for its own loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_MARK = "one of a crowd"
_MEGABYTE = 1024 * 1024
SUBMITTED: dict[str, Any] = {
    "task_type": "agent",
    "assigned_worker": "EXECUTOR",
    "payload": {"prompt": _MARK, "tools": ["sql.query", "files.write"]},
}
_CALLS = [
    {"name": "sql_query", "arguments": {"sql": "SELECT count(*) FROM governance_tasks"}},
    {"name": "files_write", "arguments": {"path": "found.txt", "content": "some"}},
]
# Each agent looks into the database and writes a file at the same time, twice, and then answers.
PLAN: dict[str, Any] = {
    "latency": {"seconds": SECONDS},
    "script": [
        *({"contains": _MARK, "turn": turn, "tool_calls": _CALLS} for turn in range(TURNS - 1)),
        {"contains": _MARK, "text": "Done."},
    ],
}
# A hundred agents at once are more than a fresh installation lets them be.
PREPARED = """
UPDATE worker_tool_permissions SET max_calls_per_day = NULL, max_calls_per_minute = NULL
WHERE worker_id = 'EXECUTOR';
INSERT INTO model_prices (service, model, input_usd_per_mtok, output_usd_per_mtok)
VALUES ('simulated', 'sim/crowd', 0.1, 0.4)"""


def environment(provider: str) -> dict[str, str]:
    """What a worker process is told of the provider at this address."""
    return {
        "JUGGERNAUT_LLM_BASE_URL": f"{provider}/v1",
        "JUGGERNAUT_LLM_API_KEY": "a-key",
        "JUGGERNAUT_LLM_SERVICE": "simulated",
        "JUGGERNAUT_LLM_MODELS": "sim/crowd",
    }


@dataclass
class Held:
    """The most that was seen of a process: resident megabytes, connections to the database."""

    process: psutil.Process
    megabytes: float = 0.0
    connections: int = 0

    def look(self, *, port: int) -> None:
        """Look at it now; its database listens at `port`."""
        found = self.process.net_connections("tcp")
        open_ones = [end for end in found if end.status == psutil.CONN_ESTABLISHED and end.raddr]
        self.connections = max(self.connections, sum(end.raddr.port == port for end in open_ones))
        self.megabytes = max(self.megabytes, self.process.memory_info().rss / _MEGABYTE)


def measure(_count: int) -> list[Row]:
    """Memory and connections of the one process, and how many calls waited at the same time."""
    with _provider() as provider:
        os.environ.update(environment(provider))
        _execute(PREPARED)
        with System() as system:
            system.workers(processes=1)
            held, seconds = _work()
        waited = _asked(provider)["most_at_once"]
    what = f"{AGENTS} agents in one worker process"
    return [
        Row(f"{what}: calls that waited for the provider at once", waited, "calls", f"{AGENTS}"),
        Row(f"{what}: resident memory", held.megabytes, "MB", f"< {MOST_MEGABYTES}"),
        Row(f"{what}: connections to PostgreSQL", held.connections, "", f"<= {MOST_CONNECTIONS}"),
        Row(f"{what}: {TURNS} turns of {SECONDS:g} s and {2 * (TURNS - 1)} calls each", seconds, "s", ""),
    ]


def _work() -> tuple[Held, float]:
    from django.db import connection

    from governance.access.actors import Actor
    from governance.models import Task, WorkerProcess
    from governance.tasks import schemas
    from governance.tasks import services as tasks

    held = Held(psutil.Process(WorkerProcess.objects.get().pid))
    port = int(connection.settings_dict["PORT"])
    actor = Actor("benchmark", is_trusted=True)
    begun = time.monotonic()
    tasks.submit([schemas.parse(SUBMITTED) for _ in range(AGENTS)], actor=actor)

    def is_done() -> bool:
        held.look(port=port)
        return Task.objects.filter(status=Task.Status.COMPLETED).count() >= AGENTS

    until(is_done)
    return held, time.monotonic() - begun


@contextmanager
def _provider() -> Iterator[str]:
    """The address of a simulated provider that follows the plan."""
    with tempfile.TemporaryFile() as said:
        command = [sys.executable, "manage.py", "simulate_provider", "--port", "0"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        try:
            until(lambda: _address(process, said.fileno()))
            address = _address(process, said.fileno())
            _asked(address, "faults", PLAN)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def _address(process: subprocess.Popen[bytes], said: int) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", os.pread(said, 4096, 0).decode())
    if process.poll() is not None:
        raise RuntimeError("the simulated provider has ended")
    return found[0] if found else ""


def _asked(provider: str, what: str = "requests", body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with _DIRECT.open(f"{provider}/_simulator/{what}", data, timeout=30) as answer:
        return json.load(answer)


def _execute(statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statements)
