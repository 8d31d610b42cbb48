"""A PgBouncer of one's own in transaction mode, otherwise as its package configures it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from juggernaut.embedded import ports
from juggernaut.processes import accounts, children

START_SECONDS = 30.0
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin"

_SETTINGS = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = {mode}
{more}
"""


class PgBouncerMissing(Exception):
    """There is no `pgbouncer` on this machine."""


def program() -> str:
    """The path of the installed PgBouncer. Raises `PgBouncerMissing`."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path=_PLACES)
    if found is None:
        raise PgBouncerMissing("no pgbouncer on this machine: apt-get install pgbouncer")
    return found


@contextlib.contextmanager
def before(
    url: str, *, folder: Path, preferred_port: int = 16432, mode: str = "transaction", more: str = ""
) -> Iterator[str]:
    """Run a PgBouncer before the server of `url`; yields the same URL through it.

    `folder` must be reachable for unprivileged accounts, because PgBouncer refuses to run as root. `more` are
    further lines of its settings.
    """
    server = urlsplit(url)
    account = accounts.for_servers(folder / "pgbouncer")
    own_port = ports.choose(preferred_port)
    place = folder / "pgbouncer"
    place.mkdir(exist_ok=True)
    (place / "users").write_text(f'"{server.username}" "{server.password}"\n')
    (place / "pgbouncer.ini").write_text(
        _SETTINGS.format(
            host=server.hostname, port=server.port, own_port=own_port, folder=place, mode=mode, more=more
        )
    )
    if account:
        for path in (place, *place.iterdir()):
            os.chown(path, *account)
    with (place / "log").open("ab") as log:
        process = children.start(
            [program(), place / "pgbouncer.ini"],
            directory=Path("/"),
            output=log,
            account=account,
            signal_when_orphaned=signal.SIGKILL,
        )
    try:
        host = f"{server.username}:{server.password}@127.0.0.1:{own_port}"
        pooled = urlunsplit(server._replace(netloc=host))
        _await(pooled, process, log=place / "log")
        yield pooled
    finally:
        children.stop(process, ask=signal.SIGTERM, grace_seconds=10)


def _await(url: str, process: "subprocess.Popen[bytes]", *, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg2.connect(url).close()
            return
        except psycopg2.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PgBouncer did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.05)
