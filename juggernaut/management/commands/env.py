"""`manage.py env`: what a second terminal needs to reach the running servers."""

import shlex
import socket
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from juggernaut import endpoints


class Command(BaseCommand):
    help = (
        "Prints DATABASE_URL and REDIS_URL of the running system as export lines: "
        'eval "$(python manage.py env)" lets psql and redis-cli use them.'
    )
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        where = endpoints.current()
        for name, url in (("DATABASE_URL", where.database_url), ("REDIS_URL", where.redis_url)):
            if url == endpoints.NOTHING_RUNS["DATABASE_URL"] or not _answers(url):
                raise CommandError(
                    f"nothing answers at {name}={_without_password(url)}: start it with `make run`"
                )
        self.stdout.write(f"export DATABASE_URL={shlex.quote(where.database_url)}")
        self.stdout.write(f"export REDIS_URL={shlex.quote(where.redis_url)}")


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
