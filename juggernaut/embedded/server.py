"""Base of both embedded servers: one process, one loopback port, one log file."""

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from signal import Signals

from juggernaut.embedded import log, ports
from juggernaut.embedded.errors import DidNotStart
from juggernaut.processes import children
from juggernaut.processes.accounts import Account

READY_SECONDS = 60.0
START_ATTEMPTS = 3


class Server(ABC):
    """A server process that is ours. The port, once chosen, stays over `stop`, `start` and `restart`."""

    name: str
    stop_signal: Signals
    stop_seconds: float
    signal_when_orphaned: Signals

    def __init__(self, *, place: Path, account: Account | None, log_path: Path, preferred_port: int) -> None:
        self.place = place
        self.account = account
        self.log_path = log_path
        self._preferred_port = preferred_port
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The loopback port; before the first start, the one that would be liked."""
        return self._port or self._preferred_port

    @property
    def pid(self) -> int | None:
        """The server's process id; None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start and wait until it accepts connections. Raises `DidNotStart`."""
        log.rotate(self.log_path)
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._launch()
                break
            except DidNotStart:
                # Another process took the port meanwhile, or a predecessor's memory is not yet freed.
                if attempt == START_ATTEMPTS:
                    raise

    def ask_to_stop(self) -> None:
        """Ask for an orderly stop, and return at once."""
        if self.pid is not None and self._process is not None:
            self._process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Stop in order; killed when it takes longer than `stop_seconds`."""
        if self._process is not None:
            children.stop(self._process, ask=self.stop_signal, grace_seconds=self.stop_seconds)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            children.kill(self._process)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    @property
    @abstractmethod
    def url(self) -> str:
        """The connection URL, valid once started."""

    @abstractmethod
    def argv(self) -> list[str | Path]:
        """The command line that listens on `self.port`."""

    @abstractmethod
    def is_ready(self, pid: int) -> bool:
        """Whether the process with this id accepts connections on `self.port`."""

    def _launch(self) -> None:
        self._port = self._port or ports.choose(self._preferred_port)
        with self.log_path.open("ab") as output:
            process = children.start(
                self.argv(),
                directory=self.place,
                output=output,
                account=self.account,
                signal_when_orphaned=self.signal_when_orphaned,
            )
        self._process = process
        if not self._becomes_ready(process):
            children.kill(process)
            self._port = self._port if ports.is_free(self._port) else None
            raise DidNotStart(self.name, reason=log.last_line(self.log_path), log=self.log_path)

    def _becomes_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready(process.pid):
            if children.ended_within(process, seconds=0.02) or time.monotonic() > deadline:
                return False
        return True
