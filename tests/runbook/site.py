"""A whole machine, beside servers and a provider of models that the test may take away and give back."""

import json
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from juggernaut import embedded
from juggernaut.environment import ROOT
from tests.machine import Machine, rare_port
from tests.polling import until
from tests.runbook.shell import Terminal
from tests.workers.provider import Provider

START = "python main.py"
MEMORY_LIMIT_MEBIBYTES = 360
HEALTHY_SECONDS = 120.0


class TypedMachine(Machine):
    """A machine that somebody starts by typing `python main.py` into a terminal."""

    def start(self, *arguments: str) -> None:
        assert not arguments
        with self._output_path.open("wb") as output:
            self._process = subprocess.Popen(
                ["bash"], cwd=ROOT, env=self.environment, stdin=subprocess.PIPE, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(f"{START}\n".encode())
        self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The supervisor's: it is the shell's one child."""
        assert self._process is not None
        shell = psutil.Process(self._process.pid)
        return until(lambda: next((child.pid for child in shell.children()), None), what="the supervisor")

    def processes(self) -> list[psutil.Process]:
        """The supervisor and every process below it; none while it does not run."""
        if self._process is None or self._process.poll() is not None:
            return []
        return super().processes()


class Site:
    """Everything that an operator's day needs: servers, a provider, a machine and a terminal."""

    def __init__(self, place: Path) -> None:
        for name in ("servers", "machine", "provider", "tasks"):
            (place / name).mkdir()
        self.place = place / "tasks"
        self.postgres = embedded.PostgreSQL(place / "servers", preferred_port=rare_port())
        self.redis = embedded.Redis(place / "servers", preferred_port=rare_port())
        self.provider = Provider(place / "provider")
        self.postgres.start()
        self.redis.start()
        self.machine = TypedMachine(
            place / "machine",
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.redis.url,
            JUGGERNAUT_TASK_TYPES="benchmarks.task_types,tests.runbook.task_types",
            JUGGERNAUT_GRACE_SECONDS="4",
            JUGGERNAUT_WEB_PROCESSES="1",
            JUGGERNAUT_WORKER_MAX_RSS_MB=str(MEMORY_LIMIT_MEBIBYTES),
            JUGGERNAUT_LLM_BASE_URL=self.provider.url,
            JUGGERNAUT_LLM_API_KEY="a-key",
            JUGGERNAUT_LLM_SERVICE="openrouter",
        )
        self.terminal = Terminal(self.machine)

    def up(self) -> None:
        self.machine.start()
        self.machine.await_running()
        self.await_health("ok")
        self.terminal.enter()

    def down(self) -> None:
        self.machine.end()
        self.provider.end()
        self.redis.stop()
        self.postgres.stop()

    # ------------------------------------------------------------------------------------ what it says

    def health(self) -> dict[str, Any]:
        """What `/health` says, also when it says no; nothing while the web server is away."""
        with suppress(OSError):
            try:
                with urllib.request.urlopen(f"{self.machine.url}/health", timeout=10) as response:
                    return dict(json.load(response))
            except urllib.error.HTTPError as refused:
                return dict(json.load(refused))
        return {"status": "not reached"}

    def await_health(self, status: str, *, of: str = "") -> None:
        """Wait until the system, or this part of it, says so of itself."""

        def stands() -> bool:
            found = self.health()
            part = found.get(of, {}) if of else found
            return bool(part.get("status") == status)

        try:
            until(stands, timeout=HEALTHY_SECONDS, what=f"{of or 'the system'} {status}")
        except AssertionError as never:
            raise AssertionError(f"{never}\n{json.dumps(self.health(), indent=1)}") from None

    def count(self, where: str) -> int:
        """How many tasks there are of which this is true."""
        return int(self.sql(f"SELECT count(*) FROM governance_tasks WHERE {where}"))

    def sql(self, statement: str) -> str:
        """The rows of a statement, values separated by `|`, on a connection of its own."""
        connection = psycopg2.connect(self.postgres.url, connect_timeout=5)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        finally:
            connection.close()
        return "\n".join("|".join(map(str, row)) for row in rows)

    def await_tasks(self, count: int, where: str) -> None:
        """Wait until so many tasks stand so."""
        until(lambda: self.count(where) >= count, timeout=HEALTHY_SECONDS, what=f"{count} tasks {where}")

    def ask_model(self, title: str, *, worker: str = "EXECUTOR") -> None:
        """Submit a task that asks a model one thing."""
        payload = json.dumps({"prompt": "How are you?", "tools": [], "max_tokens": 100})
        self.sql(
            "INSERT INTO governance_tasks (title, task_type, assigned_worker, payload, max_attempts) "
            f"VALUES ('{title}', 'agent', '{worker}', '{payload}', 1)"
        )
