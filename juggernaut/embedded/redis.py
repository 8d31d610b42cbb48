"""The embedded Redis: wake-ups, counters and caches in memory; nothing of it is kept on disk."""

import shutil
import signal
import socket
from pathlib import Path

from juggernaut.embedded import data_directory, ports
from juggernaut.embedded.errors import EmbeddedServerError
from juggernaut.embedded.server import Server
from juggernaut.processes import accounts

PREFERRED_PORT = 16379
PROGRAMS = ("redis-server", "valkey-server")


class Redis(Server):
    """One server process; it is empty after each start."""

    name = "Redis"
    stop_signal = signal.SIGTERM
    stop_seconds = 5.0
    signal_when_orphaned = signal.SIGKILL  # it has nothing to save

    def __init__(self, var_dir: Path, *, preferred_port: int = PREFERRED_PORT) -> None:
        installed = find_program()
        if installed is None:
            raise EmbeddedServerError("no redis-server or valkey-server is on the PATH")
        data_directory.prepare(var_dir)
        account = accounts.for_servers(var_dir / "redis")
        super().__init__(
            place=data_directory.of_data(var_dir, server="redis", account=account),
            account=account,
            log_path=var_dir / "log" / "redis.log",
            preferred_port=preferred_port,
        )
        self.program = data_directory.of_program(installed, account=account)

    @property
    def url(self) -> str:
        """The URL that `redis-cli -u` and redis-py take."""
        return f"redis://{ports.LOOPBACK}:{self.port}/0"

    def argv(self) -> list[str | Path]:
        """The server's command line: loopback, memory only, and an error rather than lost keys when full."""
        options = {
            "--bind": ports.LOOPBACK,
            "--port": str(self.port),
            "--save": "",
            "--appendonly": "no",
            "--maxmemory-policy": "noeviction",
            "--daemonize": "no",
            "--dir": str(self.place),
        }
        return [self.program, *(part for option in options.items() for part in option)]

    def is_ready(self, pid: int) -> bool:
        """Whether the server on the port is this very process: it may be somebody else's Redis."""
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=0.5) as connection:
                connection.sendall(b"INFO server\r\n")
                return f"process_id:{pid}\r\n".encode() in connection.recv(65536)
        except OSError:
            return False


def find_program() -> Path | None:
    """Return the first `redis-server` or `valkey-server` on the PATH; None if the machine has neither."""
    found = (shutil.which(program) for program in PROGRAMS)
    return next((Path(program) for program in found if program), None)
