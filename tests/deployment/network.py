"""Hosts of their own, made of network namespaces: a switch, and a wire to each that can be cut.

Nothing of it is reachable from outside: the switch stands in a namespace, too. The test itself reaches the
database through a socket in the file system, which namespaces of the network do not part.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from juggernaut.embedded.postgres import PostgreSQL
from juggernaut.embedded.redis import find_program
from juggernaut.environment import ROOT
from tests.polling import until

SUBNET = "10.77.0"
ONLY = "--only workers --only watchdog"


class Network:
    """The switch, and the hosts 1 to `hosts` at it."""

    def __init__(self, hosts: int) -> None:
        self._name = f"jg{os.getpid()}"
        self._hosts = range(1, hosts + 1)

    @contextmanager
    def up(self) -> Iterator["Network"]:
        """Everybody can reach everybody; afterwards nothing of it is left."""
        with ExitStack() as stack:
            for namespace in (self._switch, *map(self.namespace, self._hosts)):
                _ip("netns", "add", namespace)
                stack.callback(_ip, "netns", "del", namespace)
            _ip("-n", self._switch, "link", "add", "bridge0", "type", "bridge")
            _ip("-n", self._switch, "link", "set", "bridge0", "up")
            for host in self._hosts:
                self._connect(host)
            yield self

    def namespace(self, host: int) -> str:
        return f"{self._name}h{host}"

    def address(self, host: int) -> str:
        return f"{SUBNET}.{host}"

    def inside(self, host: int, argv: Sequence[str | Path]) -> list[str]:
        """The command line that runs `argv` on this host."""
        return ["ip", "netns", "exec", self.namespace(host), *map(str, argv)]

    def cut(self, host: int) -> None:
        """Packets of this host go nowhere from now on, and nobody is told."""
        _ip("-n", self._switch, "link", "set", f"port{host}", "down")

    def mend(self, host: int) -> None:
        _ip("-n", self._switch, "link", "set", f"port{host}", "up")

    @property
    def _switch(self) -> str:
        return f"{self._name}sw"

    def _connect(self, host: int) -> None:
        here, there, port = self.namespace(host), self._switch, f"port{host}"
        _ip("link", "add", port, "netns", there, "type", "veth", "peer", "name", "eth0", "netns", here)
        _ip("-n", there, "link", "set", port, "master", "bridge0", "up")
        _ip("-n", here, "addr", "add", f"{self.address(host)}/24", "dev", "eth0")
        _ip("-n", here, "link", "set", "eth0", "up")
        _ip("-n", here, "link", "set", "lo", "up")


class DatabaseHost:
    """The host that has PostgreSQL and Redis, and nothing else."""

    def __init__(self, network: Network, host: int, place: Path) -> None:
        self._network, self._host, self._place = network, host, place
        self._address = network.address(host)

    @contextmanager
    def up(self) -> Iterator[Mapping[str, str]]:
        """Both servers run; yields their URLs on the network."""
        made = PostgreSQL(self._place)
        made.start()
        made.stop()
        (made.data / "pg_hba.conf").write_text(
            "host all all all scram-sha-256\nlocal all all scram-sha-256\n"
        )
        self.sockets = made.place
        with self._running(self._postgres(made), self._redis()):
            until(lambda: _says_ready(made), timeout=30, what="PostgreSQL")
            password = (self._place / "postgres_password").read_text().strip()
            self.url = f"postgresql://juggernaut:{password}@/juggernaut?host={made.place}"
            yield {
                "DATABASE_URL": f"postgresql://juggernaut:{password}@{self._address}:5432/juggernaut",
                "REDIS_URL": f"redis://{self._address}:6379/0",
            }

    def _postgres(self, made: PostgreSQL) -> list[str | Path]:
        settings = (f"listen_addresses={self._address}", "port=5432", f"unix_socket_directories={made.place}")
        options = [part for setting in settings for part in ("-c", setting)]
        account = made.account
        as_account = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        return [*as_account, made.binaries / "postgres", "-D", made.data, *options]

    def _redis(self) -> list[str | Path]:
        program = find_program()
        assert program
        return [program, "--bind", self._address, "--port", "6379", "--save", "", "--protected-mode", "no"]

    @contextmanager
    def _running(self, *programs: list[str | Path]) -> Iterator[None]:
        with (self._place / "servers.log").open("ab") as log, ExitStack() as stack:
            for argv in programs:
                started = subprocess.Popen(
                    self._network.inside(self._host, argv),
                    cwd=self._place,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
                stack.callback(started.wait, 30)
                stack.callback(started.terminate)
            yield


class WorkerHost:
    """A machine that runs workers and a watchdog, with processes that nobody else sees."""

    def __init__(self, network: Network, host: int, place: Path, environment: Mapping[str, str]) -> None:
        place.mkdir(mode=0o755)
        self.number, self.place = host, place
        self.name = f"host{host}"
        self._argv = network.inside(
            host,
            [
                *("unshare", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"),
                *("sh", "-c", f"hostname {self.name} && exec {sys.executable} main.py {ONLY}"),
            ],
        )  # fmt: skip
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_URL")},
            **environment,
            "JUGGERNAUT_VAR": str(place),
            "JUGGERNAUT_LOGS": str(place),
            "JUGGERNAUT_WORKER_PROCESSES": "1",
        }

    @contextmanager
    def up(self) -> Iterator["WorkerHost"]:
        with (self.place / "output").open("wb") as output:
            started = subprocess.Popen(
                self._argv,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield self
        finally:
            started.kill()  # and with it, all in its namespace of processes
            started.wait(30)

    @property
    def log(self) -> str:
        return (self.place / "juggernaut.log").read_text()


def _says_ready(made: PostgreSQL) -> bool:
    """Whether the last line of the server's pid file says so."""
    pid_file = made.data / "postmaster.pid"
    return pid_file.exists() and pid_file.read_text().rstrip().endswith("ready")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
