"""Looks at the start whether a connection pooler stands before PostgreSQL, and says what follows from it."""

import logging
from collections.abc import Mapping
from contextlib import closing

import psycopg2
from django.core.exceptions import ImproperlyConfigured

from governance.db import pooler
from governance.db.pooler import Pooler
from juggernaut.database import connection_settings

logger = logging.getLogger(__name__)


def examine(environment: Mapping[str, str]) -> str:
    """One line for the banner, which is also logged; empty if there is no pooler in transaction mode.

    Processes do not take their knowledge from here: each asks about its own connections.
    """
    url = environment.get(connection_settings.URL, "")
    try:
        said = _said(url, environment) if url else ""
    except (psycopg2.Error, ImproperlyConfigured) as error:
        # The database answered a moment ago; whatever is wrong now, each process will meet and report.
        logger.warning("cannot tell whether PostgreSQL is behind a connection pooler: %s", error)
        return ""
    if said:
        logger.info("PostgreSQL is behind a connection pooler: %s", said)
    return said


def _said(url: str, environment: Mapping[str, str]) -> str:
    configured = connection_settings.pooler(environment)
    if configured not in (Pooler.AUTO, Pooler.TRANSACTION):
        return ""
    if configured == Pooler.AUTO and not _is_pooled(url):
        return ""
    how = "detected" if configured == Pooler.AUTO else connection_settings.POOLER
    has_direct = bool(environment.get(connection_settings.DIRECT))
    return f"transaction mode ({how}); {pooler.consequence(has_direct=has_direct)}"


def _is_pooled(url: str) -> bool:
    with closing(psycopg2.connect(url, connect_timeout=3)) as connection:
        connection.autocommit = True
        return pooler.is_pooled(connection)
