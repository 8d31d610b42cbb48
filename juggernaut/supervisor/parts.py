"""Supervised parts: our programs and the embedded servers, with one interface."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from juggernaut import configuration
from juggernaut.environment import ROOT
from juggernaut.processes import children

PROGRAMS = ("web", "workers", "watchdog")
MARGIN_SECONDS = 5.0
WEB_GRACE_SECONDS = 10.0


class Part(Protocol):
    """One process that is ours to start, watch and stop. `start` may raise `EmbeddedServerError`."""

    name: str
    stop_seconds: float

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def ask_to_stop(self) -> None: ...

    def kill(self) -> None: ...


class Program:
    """A program of ours: a command line of its own, so that `ps` and `pgrep` tell the parts apart."""

    def __init__(
        self, name: str, *, argv: Sequence[str], environment: Mapping[str, str], stop_seconds: float
    ) -> None:
        self.name = name
        self.argv = argv
        self.environment = environment
        self.stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it; whatever its predecessor left behind ends first."""
        self.kill()
        self._process = children.start(self.argv, environment=self.environment, directory=ROOT)

    def ask_to_stop(self) -> None:
        """SIGTERM: finish what runs, take nothing new."""
        if self.pid is not None and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and its children now."""
        if self._process is not None:
            children.kill(self._process)
            self._process = None


def programs(names: Sequence[str], *, environment: Mapping[str, str]) -> list[Program]:
    """The named programs, in the order in which they stop: web, workers, watchdog."""
    grace = configuration.current().grace_seconds
    arguments = {
        "web": ["-m", "gunicorn", "-c", "python:juggernaut.web.gunicorn", "juggernaut.wsgi"],
        "workers": ["manage.py", "run_workers"],
        "watchdog": ["watchdog_main.py"],
    }
    return [
        Program(
            name,
            argv=[interpreter(), *arguments[name]],
            environment=configuration.child_environment(
                {**environment, "JUGGERNAUT_PROCESS": f"juggernaut {name}"}
            ),
            stop_seconds=(WEB_GRACE_SECONDS if name == "web" else grace) + MARGIN_SECONDS,
        )
        for name in PROGRAMS
        if name in names
    ]


def interpreter() -> str:
    """This interpreter by the path that it was started under, which is how it finds its environment."""
    return str(Path(sys.executable).absolute())
