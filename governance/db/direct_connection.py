"""Connections that keep their session, for what cannot be done behind a connection pooler.

`DATABASE_URL_DIRECT` leads around the pooler. Listening, migrations and backups use it if it is set.
"""

from contextlib import closing
from typing import Any

import psycopg2
from django.conf import settings
from django.db import connection as default
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg2.extensions import connection as Connection

from governance.db import pooler
from governance.db.pooler import Pooler
from governance.errors import GovernanceError

_PID = "SELECT pg_backend_pid()"
_WHICH = """
SELECT pg_postmaster_start_time()::text, oid::text, datname
FROM pg_database WHERE datname = current_database()"""


class WrongDirectUrl(GovernanceError):
    """`DATABASE_URL_DIRECT` does not lead where it must."""


def is_configured() -> bool:
    """Whether there is a `DATABASE_URL_DIRECT`."""
    return _configured() is not None


def parameters() -> dict[str, Any]:
    """The driver's parameters of the direct connection if one is configured, else of the default one."""
    configured = _configured()
    if configured is None:
        return default.get_connection_params()
    return DatabaseWrapper(configured, alias="direct").get_connection_params()


def _configured() -> dict[str, Any] | None:
    found: dict[str, Any] | None = settings.DATABASE_DIRECT
    return found


def open_session() -> Connection | None:
    """An autocommitting connection with a session of its own; None behind a pooler that cannot be avoided.

    Raises `psycopg2.OperationalError` if the server does not answer.
    """
    if not is_configured() and settings.JUGGERNAUT_POOLER == Pooler.TRANSACTION:
        return None
    opened: Connection = psycopg2.connect(**parameters())
    opened.autocommit = True
    if not is_configured() and settings.JUGGERNAUT_POOLER == Pooler.AUTO and pooler.is_pooled(opened):
        opened.close()
        return None
    return opened


def use_for_this_process() -> None:
    """Make Django's default connection a direct one, if one is configured.

    Raises `WrongDirectUrl`, or Django's `OperationalError` if the server does not answer.
    """
    configured = _configured()
    if configured is not None:
        with default.wrap_database_errors:
            check()
        default.close()
        default.settings_dict.update(configured)


def check() -> None:
    """Raise `WrongDirectUrl` if the direct connection is pooled, too, or reaches another database."""
    direct = parameters()
    if shares_sessions(direct):
        raise WrongDirectUrl(
            "DATABASE_URL_DIRECT leads through a connection pooler in transaction mode, too: expected the URL"
            " of PostgreSQL itself"
        )
    here, there = _which(default.get_connection_params()), _which(direct)
    if here != there:
        raise WrongDirectUrl(
            f"DATABASE_URL_DIRECT reaches another database ({there[2]}) or server than DATABASE_URL"
            f" ({here[2]}): expected the same one, without the pooler"
        )


def shares_sessions(parameters: dict[str, Any]) -> bool:
    """Whether two such connections are seen to use one server session, or one to change its session.

    True is proof. A pooler that is busy may hide it, so this is asked about what should be direct;
    whether the default connection is pooled is asked of `governance.db.pooler`, which errs on the safe side.
    """
    with (
        closing(psycopg2.connect(**parameters)) as first,
        closing(psycopg2.connect(**parameters)) as second,
    ):
        first.autocommit = second.autocommit = True
        # Twice the first: two sessions that are handed out in turn would else look like one for each.
        order = (first, first, second, first, second)
        seen = [(one is first, _one(one, _PID)) for one in order]
    return len({pid for _, pid in seen}) != 2 or len(set(seen)) != 2


def _which(parameters: dict[str, Any]) -> tuple[Any, ...]:
    """What tells a database from every other: its server's start, its number there, its name."""
    with closing(psycopg2.connect(**parameters)) as opened:
        opened.autocommit = True
        return _row(opened, _WHICH)


def _one(connection: Connection, statement: str) -> Any:
    return _row(connection, statement)[0]


def _row(connection: Connection, statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row: tuple[Any, ...] = cursor.fetchone() or ()
    return row
