"""The session's PostgreSQL through a PgBouncer in transaction mode, as its package configures it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.db import connection

from benchmarks import pgbouncer
from tests import places
from tests.fleet import enlist
from tests.machine import rare_port
from tests.reliability.processes import database_url


@pytest.fixture(scope="package")
def pgbouncer_port(django_db_setup: None) -> Iterator[int]:
    """It leads to every database of the session's server."""
    with (
        places.var_folder() as folder,
        pgbouncer.before(database_url(), folder=folder, preferred_port=rare_port()) as url,
    ):
        port = urlsplit(url).port
        assert port
        yield port


@pytest.fixture
def fleet(transactional_db: None) -> None:
    """The workers that the migration registers, in a test whose predecessor emptied every table."""
    enlist()


@pytest.fixture
def pooled(pgbouncer_port: int, transactional_db: None) -> Iterator[str]:
    """Django's connections go through PgBouncer. The URL through it."""
    connection.close()
    direct = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"]}}
    connection.settings_dict["PORT"] = pgbouncer_port
    yield database_url()
    connection.close()
    connection.settings_dict.update(direct)


@pytest.fixture
def server_url(transactional_db: None) -> str:
    """The URL around PgBouncer; ask for it before `pooled`."""
    return database_url()
