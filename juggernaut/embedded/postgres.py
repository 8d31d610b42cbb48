"""The embedded PostgreSQL: one cluster under `var/postgres`, reached over loopback TCP alone."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

from juggernaut.embedded import data_directory, log, ports
from juggernaut.embedded.errors import DidNotStart
from juggernaut.embedded.server import Server
from juggernaut.processes import accounts, children

ROLE = "juggernaut"
DATABASE = "juggernaut"
PREFERRED_PORT = 15432
KILL_SECONDS = 5.0

# The role is no superuser: what runs as it (a `sql.query` tool, for one) must not reach the machine.
# It may create databases (tests do), and see and end sessions (`manage.py diagnose` does).
FIRST_STATEMENTS = f"""\
CREATE ROLE {ROLE} LOGIN CREATEDB
GRANT pg_monitor, pg_signal_backend TO {ROLE}
CREATE DATABASE {DATABASE} OWNER {ROLE}
"""
# The role under which `sql.query` reads (see workers/sql/role.py), which ROLE may not make by itself. In
# statements of one line that can be repeated: a cluster of an earlier version gets it at its next start.
READER = "juggernaut_reader"
READER_STATEMENTS = f"""\
DO $$ BEGIN CREATE ROLE {READER} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$
GRANT {READER} TO {ROLE}
"""
# `manage.py diagnose performance` reads which queries are slow from it. Only a superuser may create it.
EXTENSION_STATEMENTS = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements\n"
ACCESS = f"""\
# Written at each start. The superuser is reachable through `postgres --single` alone.
host all {ROLE} 127.0.0.1/32 scram-sha-256
"""
SETTINGS = """\
# Written at each start: change it in juggernaut/embedded/postgres.py.
listen_addresses = '127.0.0.1'
port = {port}
shared_preload_libraries = 'pg_stat_statements'
unix_socket_directories = ''
max_connections = 200
shared_buffers = '128MB'
wal_buffers = '16MB'
min_wal_size = '256MB'
max_wal_size = '2GB'
checkpoint_timeout = '15min'
random_page_cost = 1.1
jit = off
track_io_timing = on
track_activity_query_size = 4096
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %a '
log_checkpoints = off
"""


class PostgreSQL(Server):
    """One server process and its cluster. `kill` leaves a cluster that the next start recovers."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # fast shutdown: sessions are ended, everything is on disk
    stop_seconds = 20.0
    signal_when_orphaned = signal.SIGINT

    def __init__(self, var_dir: Path, *, preferred_port: int = PREFERRED_PORT) -> None:
        data_directory.prepare(var_dir)
        account = accounts.for_servers(var_dir / "postgres" / "data")
        super().__init__(
            place=data_directory.of_data(var_dir, server="postgres", account=account),
            account=account,
            log_path=var_dir / "log" / "postgres.log",
            preferred_port=preferred_port,
        )
        self.data = self.place / "data"
        self.binaries = data_directory.of_postgres_binaries(account=account)
        self._password_path = var_dir / "postgres_password"
        self._reader_path = self.data / "has_reader_role"
        self._extension_path = self.data / "has_pg_stat_statements"

    @property
    def url(self) -> str:
        """The URL that `psql` and Django take, with user and password."""
        password = self._password_path.read_text().strip()
        return f"postgresql://{ROLE}:{password}@{ports.LOOPBACK}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start, after making the cluster if there is none. Raises `DidNotStart`."""
        self._end_predecessor()
        if not (self.data / "PG_VERSION").exists():
            self._create()
        if not self._password_path.exists():
            self._set_password()
        if not self._reader_path.exists():
            self._execute(READER_STATEMENTS, data=self.data)
            self._reader_path.touch()
        if not self._extension_path.exists():
            self._execute(EXTENSION_STATEMENTS, data=self.data, database=DATABASE)
            self._extension_path.touch()
        super().start()

    def kill(self) -> None:
        """End it without a checkpoint; the next start recovers from the log.

        The postmaster is asked first, because its children have sessions of their own and are
        waited for by nobody else.
        """
        if self._process is not None:
            children.stop(self._process, ask=signal.SIGQUIT, grace_seconds=KILL_SECONDS)

    def argv(self) -> list[str | Path]:
        """The server's command line; its settings and access rules are written anew."""
        self._configure("postgresql.conf", SETTINGS.format(port=self.port))
        self._configure("pg_hba.conf", ACCESS)
        return [self.binaries / "postgres", "-D", self.data]

    def is_ready(self, pid: int) -> bool:
        """Whether the process has written that it is: the last line of its pid file."""
        lines = self._pidfile_lines()
        return lines[:1] == [str(pid)] and lines[-1].strip() == "ready"

    def _create(self) -> None:
        """Create the cluster beside its final place, so that a half-made one is never used."""
        draft = self.place / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._run(
            [
                self.binaries / "initdb",
                *("--pgdata", draft, "--username", "postgres", "--auth", "reject", "--encoding", "UTF8"),
                *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ]
        )
        self._execute(FIRST_STATEMENTS, data=draft)
        self._password_path.unlink(missing_ok=True)
        draft.rename(self.data)

    def _set_password(self) -> None:
        password = secrets.token_hex(16)
        self._execute(f"ALTER ROLE {ROLE} PASSWORD '{password}'\n", data=self.data)
        draft = self._password_path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(password)
        draft.rename(self._password_path)

    def _execute(self, statements: str, *, data: Path, database: str = "postgres") -> None:
        """Run statements, one a line, as the superuser, while no server runs."""
        self._run([self.binaries / "postgres", "--single", "-D", data, database], standard_input=statements)

    def _run(self, argv: list[str | Path], *, standard_input: str = "") -> None:
        done = subprocess.run(
            argv,
            input=standard_input.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.place,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        with self.log_path.open("ab") as file:
            file.write(done.stdout)
        if done.returncode != 0 or b"ERROR:" in done.stdout:
            raise DidNotStart(self.name, reason=log.last_line(self.log_path), log=self.log_path)

    def _configure(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        if self.account:
            os.chown(path, *self.account)

    def _pidfile_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _end_predecessor(self) -> None:
        """End a server that its supervisor's sudden death left shutting down; drop a stale pid file.

        We hold the lock of `var/`, so whoever still runs on this data is an orphan. A stale file
        whose number now belongs to some other process would keep PostgreSQL from starting.
        """
        lines = self._pidfile_lines()
        if not lines:
            return
        orphan = int(lines[0])
        deadline = time.monotonic() + self.stop_seconds
        while self._is_on_our_data(orphan) and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGINT)
            time.sleep(0.05)
        if not self._is_on_our_data(orphan):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _is_on_our_data(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.data.resolve()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
