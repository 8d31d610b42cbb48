"""A connection pooler between this process and PostgreSQL: how it is detected, and what depends on it.

A pooler in transaction mode (PgBouncer and its kind) gives each transaction whichever server session is free.
So what a session keeps from one transaction to the next (prepared statements, SET, LISTEN, advisory locks,
cursors) does not belong to the client that made it. Code that needs a session asks `is_shared`.

Detection: PostgreSQL tells a client the pid of its backend when it connects, and `pg_backend_pid()` tells it
again. A pooler answers the first by itself, with a number of its own, so the two differ. A proxy that only
forwards bytes changes neither. Session mode cannot be told from transaction mode with certainty, so a pooler
counts as one in transaction mode unless `JUGGERNAUT_POOLER` says `session`.
"""

import logging
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection as default
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2.extensions import connection as Connection

logger = logging.getLogger(__name__)


class Pooler(StrEnum):
    """The values of `JUGGERNAUT_POOLER`: detect it, or take it as said."""

    AUTO = "auto"
    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


# While nobody can listen, new work waits at most so long: reliability/engine/worker_loop.py polls as often.
POLL_SECONDS = 0.25

# Sessions of our own ask for generic plans: see governance/db/prepared_statements.py. Null where the session
# is shared.
_BEGIN_SESSION = """
SELECT CASE WHEN %(is_own)s OR pg_backend_pid() = %(pid)s
  THEN set_config('plan_cache_mode', coalesce(%(plans)s, current_setting('plan_cache_mode')), false) END"""

# For each connection of the driver, whether other clients use its server session between transactions.
_shared: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
_is_logged = False


def is_shared() -> bool:
    """Whether Django's default connection is pooled by transaction; connects if it is not connected."""
    default.ensure_connection()
    return _shared[default.connection]


def is_transactional(*, told_pid: int, pid: object) -> bool:
    """Whether a connection counts as pooled by transaction: `told_pid` came when it was made, `pid` is what
    its backend says."""
    configured = settings.JUGGERNAUT_POOLER
    return bool(configured == Pooler.TRANSACTION or (configured == Pooler.AUTO and told_pid != pid))


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler stands between this connection of the driver and its backend. Asks the server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend_pid,) = cursor.fetchone() or (None,)
    return bool(backend_pid != connection.info.backend_pid)


def consequence(*, has_direct: bool) -> str:
    """What is different behind a pooler in transaction mode, in words."""
    wakes = (
        "workers listen through DATABASE_URL_DIRECT"
        if has_direct
        else f"workers poll every {POLL_SECONDS:g} s, because DATABASE_URL_DIRECT is not set"
    )
    return f"statements are not prepared by name, {wakes}"


def begin_session(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Note whether a new connection is pooled, and set up its session if it is not.

    Receives Django's `connection_created`.
    """
    if connection.vendor != "postgresql":
        return
    try:
        is_shared_now = _is_shared(connection)
    except BaseException:
        connection.close()  # Django would go on with a connection of which nobody knows what it is
        raise
    _shared[connection.connection] = is_shared_now
    if is_shared_now:
        _log_once()


def _is_shared(connection: BaseDatabaseWrapper) -> bool:
    configured = settings.JUGGERNAUT_POOLER
    if configured == Pooler.TRANSACTION:
        return True
    chosen = str(connection.settings_dict["OPTIONS"].get("options", ""))
    parameters = {
        "is_own": configured in (Pooler.NONE, Pooler.SESSION),
        "pid": connection.connection.info.backend_pid,
        "plans": None if "plan_cache_mode" in chosen else "force_generic_plan",
    }
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN_SESSION, parameters)
        return bool(cursor.fetchone()[0] is None)


def _log_once() -> None:
    global _is_logged
    if not _is_logged:
        _is_logged = True
        said = consequence(has_direct=settings.DATABASE_DIRECT is not None)
        logger.info("PostgreSQL is reached through a connection pooler in transaction mode: %s", said)
