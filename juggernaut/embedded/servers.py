"""Both embedded servers together: the lock of `var/`, and the record of where they listen."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from juggernaut.database import endpoints
from juggernaut.embedded import data_directory, stale_urls
from juggernaut.embedded.errors import AlreadyRunning, NotOurs
from juggernaut.embedded.postgres import PREFERRED_PORT as POSTGRES_PORT
from juggernaut.embedded.postgres import PostgreSQL
from juggernaut.embedded.redis import PREFERRED_PORT as REDIS_PORT
from juggernaut.embedded.redis import Redis, find_program


class EmbeddedServers:
    """The servers that `named` (`DATABASE_URL`, `REDIS_URL`) does not name; each is None when it does.

    `redis` is also None when the machine has no Redis program: the system then runs without Redis
    (`is_without_redis`). A URL of our own earlier servers names nobody, see `former_urls`.
    """

    def __init__(self, var_dir: Path, *, named: Mapping[str, str]) -> None:
        self.var_dir = var_dir
        known = _json(self._ports_path)
        self._named = stale_urls.without_stale_urls(named, var_dir=var_dir, redis_port=known.get("redis"))
        self.postgres = (
            None
            if "DATABASE_URL" in self._named
            else PostgreSQL(var_dir, preferred_port=known.get("postgres", POSTGRES_PORT))
        )
        self.redis = (
            None
            if "REDIS_URL" in self._named or find_program() is None
            else Redis(var_dir, preferred_port=known.get("redis", REDIS_PORT))
        )

    @property
    def environment(self) -> dict[str, str]:
        """Both URLs, for the environment of a child process or of this one."""
        return self._named | self._own_urls()

    @property
    def has_any(self) -> bool:
        """Whether any of the two is ours."""
        return self.postgres is not None or self.redis is not None

    @property
    def is_without_redis(self) -> bool:
        """Whether there is no Redis at all: none is named, and the machine has no program for one."""
        return self.redis is None and "REDIS_URL" not in self._named

    def start(self) -> None:
        """Start what is ours and record where it listens. Raises `EmbeddedServerError`."""
        for server in (self.postgres, self.redis):
            if server is not None:
                server.start()
        self.record()

    def record(self) -> None:
        """Write `var/run/endpoints.json`, which later commands read, and the ports to prefer next time."""
        servers = {"postgres": self.postgres, "redis": self.redis}
        used = {name: server.port for name, server in servers.items() if server is not None}
        _write(self._endpoints_path, self._own_urls())
        _write(self._ports_path, _json(self._ports_path) | used)

    def stop(self) -> None:
        """Stop Redis, then PostgreSQL, and withdraw the record."""
        self._endpoints_path.unlink(missing_ok=True)
        for server in (self.redis, self.postgres):
            if server is not None:
                server.stop()

    def _own_urls(self) -> dict[str, str]:
        urls = {}
        if self.postgres is not None:
            urls["DATABASE_URL"] = self.postgres.url
        if self.redis is not None:
            urls["REDIS_URL"] = self.redis.url
        elif self.is_without_redis:
            urls["REDIS_URL"] = endpoints.NO_REDIS
        return urls

    @property
    def _endpoints_path(self) -> Path:
        return self.var_dir / "run" / "endpoints.json"

    @property
    def _ports_path(self) -> Path:
        return self.var_dir / "run" / "ports.json"


@contextlib.contextmanager
def running(var_dir: Path, *, named: Mapping[str, str] | None = None) -> Iterator[EmbeddedServers]:
    """The servers that are not named, started and stopped again.

    Raises `EmbeddedServerError` with one line to show.
    """
    with contextlib.ExitStack() as stack:
        try:
            data_directory.prepare(var_dir)
            stack.enter_context(_lock(var_dir))
            servers = EmbeddedServers(var_dir, named=os.environ if named is None else named)
            stack.callback(servers.stop)
            servers.start()
        except PermissionError as error:
            raise NotOurs(Path(error.filename or var_dir)) from error
        yield servers


@contextlib.contextmanager
def _lock(var_dir: Path) -> Iterator[None]:
    """Hold `var/` for this process; the kernel releases it however the process ends."""
    with (var_dir / "run" / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(var_dir, pid=_content(file)) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip()


def _json(path: Path) -> dict[str, int]:
    try:
        return dict(json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _write(path: Path, values: dict[str, str] | dict[str, int]) -> None:
    """Replace the file at once, readable by its owner alone: one of them holds a password."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(values))
    if os.geteuid() == 0:  # or the owner of the folder could not start again after root did
        folder = path.parent.stat()
        os.chown(draft, folder.st_uid, folder.st_gid)
    draft.rename(path)
