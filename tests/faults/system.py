"""A whole machine under load: 500 tasks in flight, looked at from outside through API, SQL and `ps`."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg2

from tests import curl
from tests.machine import Machine
from tests.polling import until
from tests.reliability.processes import is_living, title

IN_FLIGHT = 500
# Plain tasks hold a thread each, and a process has 16: one task in 50 is plain.
PLAIN_EVERY = 50
# What the product promises: whatever dies, its tasks move on within this.
RECOVERY_SECONDS = 15
DONE_SECONDS = 60


def select(url: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows that the statement returns, on a connection of its own."""
    connection = psycopg2.connect(url, connect_timeout=3)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


AnySystem = TypeVar("AnySystem", bound="System")


class System(Machine):
    """One `main.py` with two worker processes that hold 500 tasks between them."""

    def __init__(self, var_dir: Path, **environment: str) -> None:
        super().__init__(
            var_dir,
            JUGGERNAUT_TASK_TYPES="benchmarks.task_types,tests.faults.task_types",
            JUGGERNAUT_WEB_PROCESSES="1",
            **environment,
        )

    def up(self) -> None:
        """Start it, and let its workers take hundreds of tasks at a time."""
        self.start()
        self.await_running()
        self.sql("UPDATE worker_registry SET max_concurrency = 300")
        self.await_workers()

    def await_workers(self) -> None:
        """Wait for two processes that have registered and live."""
        until(lambda: len(self.worker_rows()) == 2, timeout=60, what="two registered worker processes")

    # ----------------------------------------------------------------------------------- its database

    @property
    def urls(self) -> dict[str, str]:
        """Where its servers are, as environment variables."""
        record = self.var_dir / "run" / "endpoints.json"
        named = {name: url for name, url in self.environment.items() if name.endswith("_URL")}
        own: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
        return named | own

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement on a connection of its own, which a restart of the server cannot break."""
        return select(self.urls["DATABASE_URL"], statement, *parameters)

    def is_up(self) -> bool:
        """Whether the database answers."""
        try:
            return self.sql("SELECT true") == [(True,)]
        except (psycopg2.OperationalError, KeyError):
            return False

    def await_disk(self) -> None:
        """Wait until what is committed by now survives a crash of the server: claims do not wait for it."""
        [(written,)] = self.sql("SELECT pg_current_wal_insert_lsn()::text")
        until(lambda: self.sql("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", written) == [(True,)])

    # ------------------------------------------------------------------------------------- its workers

    def worker_rows(self) -> dict[int, str]:
        """pid → process id of the registered worker processes that live."""
        rows = self.sql("SELECT pid, process_id::text FROM worker_processes WHERE state = 'running'")
        return {pid: process_id for pid, process_id in rows if psutil.pid_exists(pid)}

    def of_role(self, role: str, *, part: str = "juggernaut workers") -> list[psutil.Process]:
        """The processes titled `part: role`."""
        return [process for process in self.processes() if title(process) == f"{part}: {role}"]

    def the(self, role: str, *, part: str = "juggernaut workers") -> psutil.Process:
        return until(lambda: next(iter(self.of_role(role, part=part)), None), what=f"the {role}", timeout=30)

    def held_by(self, pid: int) -> set[str]:
        """The tasks on which this worker process holds a lease."""
        return {
            task
            for (task,) in self.sql(
                "SELECT t.id::text FROM governance_tasks t JOIN worker_processes p"
                " ON p.process_id = t.lease_owner WHERE p.pid = %s",
                pid,
            )
        }

    # --------------------------------------------------------------------------------------- its tasks

    def submit(self, tasks: Sequence[dict[str, Any]]) -> list[str]:
        """Post the tasks in one request; their ids."""
        answer = self.ask("/api/tasks/bulk", body={"tasks": tasks})
        return [task["id"] for task in answer["tasks"]]

    def ask(self, path: str, *, body: object = None) -> Any:
        """The JSON answer of the web server, to a POST if there is a body; also one that says no."""
        return curl.ask(self.url + path, body).json()

    def await_failed(self, task: str) -> str:
        """Wait until the task has failed; its error."""
        address = f"/api/tasks/{task}"
        until(lambda: self.ask(address)["status"] == "failed", timeout=DONE_SECONDS, what="a failed task")
        return str(self.ask(address)["error_message"])

    # --------------------------------------------------------------------------------------- its end

    def leftovers(self) -> list[psutil.Process]:
        """Every living process that was started for this machine, found by its environment."""
        mark = str(self.var_dir)
        return [process for process in psutil.process_iter() if _is_of(process, mark)]


@contextlib.contextmanager
def running(system: AnySystem) -> Iterator[AnySystem]:
    """The system, up; afterwards no process of it is left."""
    try:
        system.up()
        yield system
    finally:
        system.end()
        until(lambda: not system.leftovers(), timeout=30, what="no process left")


def _is_of(process: psutil.Process, var_dir: str) -> bool:
    try:
        return process.environ().get("JUGGERNAUT_VAR") == var_dir and is_living(process)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


class Batch:
    """Tasks of one test, as the record tells of them."""

    def __init__(self, system: System, tasks: Sequence[dict[str, Any]]) -> None:
        self.system = system
        self.ids = system.submit(tasks)
        assert len(self.ids) == len(tasks)

    @classmethod
    def of(cls, system: System, ids: Sequence[str]) -> "Batch":
        """Tasks that were submitted already."""
        batch = cls.__new__(cls)
        batch.system, batch.ids = system, list(ids)
        return batch

    def is_in_flight(self) -> bool:
        """Whether every task is held by some process."""
        return self.count("in_progress") == len(self.ids)

    def count(self, status: str) -> int:
        rows = self._select("count(*)", "status = %s", status)
        return int(rows[0][0])

    def crashed(self) -> set[str]:
        """The tasks under which a process died."""
        return {task for (task,) in self._select("id::text", "crash_attempts > 0")}

    def crashes(self) -> set[int]:
        """The numbers of crashes that there are among the tasks."""
        return {crashes for (crashes,) in self._select("DISTINCT crash_attempts")}

    def attempts(self) -> set[int]:
        """The numbers of attempts that there are among the tasks."""
        return {attempts for (attempts,) in self._select("DISTINCT attempts")}

    def late(self) -> set[str]:
        """The tasks of which somebody brought a result that was refused."""
        found = self.system.sql(
            "SELECT task_id::text FROM task_late_results WHERE task_id = ANY(%s::uuid[])", self.ids
        )
        return {task for (task,) in found}

    def is_done(self) -> bool:
        """Whether every task has completed."""
        return self.count("completed") == len(self.ids)

    def await_done(self) -> None:
        until(self.is_done, timeout=DONE_SECONDS, what=f"{len(self.ids)} tasks completed")

    def _select(self, what: str, where: str = "true", *parameters: Any) -> list[tuple[Any, ...]]:
        statement = f"SELECT {what} FROM governance_tasks WHERE id = ANY(%s::uuid[]) AND {where}"
        return self.system.sql(statement, self.ids, *parameters)


class Load(Batch):
    """Tasks that are in flight until `release`: 500, unless several loads share the machine."""

    def __init__(self, system: System, place: Path, *, tasks: int = IN_FLIGHT) -> None:
        kinds = ["hold" if number % PLAIN_EVERY else "hold_plain" for number in range(tasks)]
        super().__init__(system, [{"task_type": kind, "payload": {"place": str(place)}} for kind in kinds])
        self.place = place
        self.plain_ids = set(self.ids[::PLAIN_EVERY])
        until(self.is_in_flight, timeout=60, what=f"{tasks} tasks in flight")
        system.await_disk()

    def release(self) -> None:
        """Let the tasks end."""
        (self.place / "open").touch()

    def runs(self) -> Counter[str]:
        """How many times each task was begun, by what the tasks themselves wrote down."""
        return Counter(line.split()[0] for line in (self.place / "runs").read_text().splitlines())

    def holding_plain(self) -> psutil.Process:
        """A worker process that holds plain tasks among others."""
        workers = self.system.of_role("worker")
        return next(worker for worker in workers if self.system.held_by(worker.pid) & self.plain_ids)
