"""A whole `main.py` of a test's own, on its own port and `var/`, to be stopped and killed at will."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from juggernaut.embedded import ports
from juggernaut.environment import ROOT
from tests.polling import until

START_SECONDS = 60.0
END_SECONDS = 60.0


class Machine:
    """`start` it, `await_running`, then see what it survives; `end` leaves nothing of it."""

    # Where its code is, and what runs it.
    root = ROOT
    python = sys.executable

    def __init__(self, var_dir: Path, **environment: str) -> None:
        self.var_dir = var_dir
        self.port = rare_port()
        self.log_path = var_dir / "logs" / "juggernaut.log"
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.endswith(("_URL", "_URL_DIRECT"))
            },
            "JUGGERNAUT_VAR": str(var_dir),
            "JUGGERNAUT_LOGS": str(self.log_path.parent),
            "JUGGERNAUT_PORT": str(self.port),
            "JUGGERNAUT_ADMIN_PASSWORD": "correct horse battery staple",
            **environment,
        }
        self._prefer_rare_ports()
        self._output_path = var_dir / "output"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Where its web server listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What it printed since its last start, on either stream."""
        return self._output_path.read_text()

    def start(self, *arguments: str) -> None:
        """Start it as a person would, with a terminal session of its own; does not wait."""
        with self._output_path.open("wb") as output:
            self._process = subprocess.Popen(
                [self.python, "main.py", *arguments],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_running(self) -> None:
        """Wait for the banner, which it prints when all is up; fail with what it printed instead."""
        until(self._is_up_or_ended, timeout=START_SECONDS, what="the banner")
        assert "is running" in self.output, self.output

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command as in a second terminal."""
        return subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def processes(self) -> list[psutil.Process]:
        """The supervisor and every process below it, servers included."""
        supervisor = psutil.Process(self.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def find(self, text: str) -> psutil.Process:
        """The direct child whose command line contains the text, once it has that title."""
        return until(lambda: self._child(text), timeout=START_SECONDS, what=f"a child with {text!r}")

    def send(self, signal: int) -> None:
        """Send the supervisor a signal."""
        os.kill(self.pid, signal)

    def exit_status(self) -> int:
        """Wait for the supervisor's end."""
        assert self._process is not None
        return self._process.wait(END_SECONDS)

    def accepts(self) -> bool:
        """Whether its web server accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def end(self) -> None:
        """Kill whatever is left of it."""
        if self._process is None:
            return
        left = self.processes() if self._process.poll() is None else []
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):  # it died with its parent
                process.kill()
        psutil.wait_procs(left, timeout=END_SECONDS)
        self._process.wait(END_SECONDS)

    def _prefer_rare_ports(self) -> None:
        """Write the servers' ports down as if they had been chosen before."""
        record = self.var_dir / "run" / "ports.json"
        if not record.exists():
            record.parent.mkdir(exist_ok=True)
            record.write_text(json.dumps({"postgres": rare_port(), "redis": rare_port()}))

    def _child(self, text: str) -> psutil.Process | None:
        children = psutil.Process(self.pid).children()
        return next((child for child in children if text in _command_line(child)), None)

    def _is_up_or_ended(self) -> bool:
        assert self._process is not None
        return "is running" in self.output or self._process.poll() is not None


def rare_port() -> int:
    """A port that no test run beside this one chooses too, or takes while a server of ours is dead."""
    return ports.choose(random.randrange(18000, 28000))


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
