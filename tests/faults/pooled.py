"""A machine whose PostgreSQL is elsewhere, behind a PgBouncer in transaction mode."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks import pgbouncer
from juggernaut.environment import ROOT
from juggernaut.processes import children
from tests.faults.system import System, select
from tests.machine import rare_port
from tests.polling import until


class PooledSystem(System):
    """`system.sql` asks the server itself; what the machine knows of it goes through PgBouncer."""

    def __init__(self, var_dir: Path, *, server_url: str, host: psutil.Process, **environment: str) -> None:
        super().__init__(var_dir, **environment)
        self._server_url = server_url
        self._host = host

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return select(self._server_url, statement, *parameters)

    def find(self, text: str) -> psutil.Process:
        if "postgres" not in text:
            return super().find(text)
        [server] = self._host.children()
        return server


@contextlib.contextmanager
def pooled_system(var_dir: Path, **environment: str) -> Iterator[PooledSystem]:
    """A machine that is not started yet, its PostgreSQL and the PgBouncer between them."""
    with _database_host(var_dir) as (url, host), _pgbouncer(url, var_dir) as pooled:
        environment |= {"DATABASE_URL": pooled}
        yield PooledSystem(var_dir, server_url=url, host=host, **environment)


def _pgbouncer(url: str, var_dir: Path) -> contextlib.AbstractContextManager[str]:
    return pgbouncer.before(url, folder=var_dir, preferred_port=rare_port())


@contextlib.contextmanager
def _database_host(var_dir: Path) -> Iterator[tuple[str, psutil.Process]]:
    folder = var_dir / "database"
    argv = [sys.executable, "-m", "tests.faults.database_host", str(folder)]
    process = children.start(argv, directory=ROOT, signal_when_orphaned=signal.SIGTERM)
    try:
        until((folder / "url").exists, timeout=60, what="a PostgreSQL of its own")
        yield (folder / "url").read_text(), psutil.Process(process.pid)
    finally:
        children.stop(process, ask=signal.SIGTERM, grace_seconds=30)
