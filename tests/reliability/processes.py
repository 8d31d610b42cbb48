"""Programs under test: started as an operator would, looked at through the process table."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
from django.db import connection

from juggernaut.environment import ROOT
from tests.polling import until


class Program:
    """One program, its descendants, and what it wrote."""

    def __init__(self, arguments: list[str], *, folder: Path, **environment: str) -> None:
        self.journal = folder / "journal"
        self.journal.touch()
        self.output = folder / f"output-{len(list(folder.iterdir()))}"
        with self.output.open("w") as output:
            self.process = psutil.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=os.environ
                | {"TEST_JOURNAL": str(self.journal), "JUGGERNAUT_GRACE_SECONDS": "4"}
                | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.seen: set[psutil.Process] = set()

    def said(self) -> str:
        return self.output.read_text()

    def lines(self, word: str) -> list[str]:
        """The journal's lines that begin with this word."""
        return [line for line in self.journal.read_text().splitlines() if line.startswith(word)]

    def family(self) -> Iterator[psutil.Process]:
        """The descendants that live; remembered, so that `leaves_nothing` can ask for them later."""
        for process in self.process.children(recursive=True):
            self.seen.add(process)
            yield process

    def of_role(self, role: str) -> list[psutil.Process]:
        """The processes whose title ends with `: role`."""
        return [process for process in self.family() if title(process).endswith(f": {role}")]

    def the(self, role: str) -> psutil.Process:
        return until(
            lambda: next(iter(self.of_role(role)), None), what=f"a process called {role}", timeout=30
        )

    def signal_group(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def leaves_nothing(self) -> bool:
        return not any(is_living(process) for process in self.seen)

    def end(self) -> None:
        """Kill whatever a test left."""
        for process in [*self.seen, self.process]:
            if is_living(process):
                process.kill()
        self.process.wait(timeout=10)


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def is_living(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def database_url() -> str:
    """The URL of the database that this test uses, for a program that is to share it."""
    found = connection.settings_dict
    return "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**found)
