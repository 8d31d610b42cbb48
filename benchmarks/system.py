"""The system under measurement: real servers, the real cluster and web server, on a `var/` of their own."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from juggernaut import embedded
from juggernaut.environment import ROOT

DEADLINE_SECONDS = 120.0


@contextlib.contextmanager
def bench_environment() -> Iterator[None]:
    """Servers for this run alone, migrated; their addresses stand in the environment."""
    with tempfile.TemporaryDirectory(prefix="juggernaut-bench-") as folder:
        os.environ.update(
            JUGGERNAUT_VAR=folder,
            JUGGERNAUT_LOGS=f"{folder}/logs",
            JUGGERNAUT_TASK_TYPES="benchmarks.task_types",
            DJANGO_SETTINGS_MODULE="juggernaut.settings",
        )
        with embedded.running(Path(folder)) as servers:
            os.environ.update(servers.environment)
            _django("migrate", "--verbosity", "0")
            import django

            django.setup()
            yield


class System:
    """Parts of the system as processes, started when asked, ended with the block."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        """`is_quiet` keeps what the parts log off the screen: for tasks that fail on purpose."""
        self._errors = subprocess.DEVNULL if is_quiet else None
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            process.wait(timeout=60)

    def workers(self, *, processes: int = 2) -> psutil.Process:
        """A workers' cluster; returns when its processes have registered."""
        cluster = self._start("manage.py", "run_workers", "--processes", str(processes))
        until(lambda: worker_processes() >= processes)
        return cluster

    def watchdog(self) -> psutil.Process:
        return self._start("watchdog_main.py")

    def web(self) -> str:
        """The web server on a free port; returns its base URL."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = ["-c", "juggernaut/web/gunicorn.py", "-b", f"127.0.0.1:{port}"]
        self._start("-m", "gunicorn", *config, "juggernaut.wsgi")
        until(lambda: _answers(port))
        return f"http://127.0.0.1:{port}"

    def _start(self, *arguments: str) -> psutil.Process:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=self._errors
        )
        self._started.append(process)
        return psutil.Process(process.pid)


def until(condition: Callable[[], object], *, every: float = 0.02) -> None:
    """Poll; raises `TimeoutError` after two minutes."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the system did not get there within two minutes")
        time.sleep(every)


def worker_processes() -> int:
    """How many worker processes say that they live."""
    from governance.models import WorkerProcess

    return WorkerProcess.objects.count()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _django(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True)
