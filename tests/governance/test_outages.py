"""Only what a new connection may cure counts as a lost connection."""

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection, transaction

from governance import outages


def answered(statement):
    expected = pytest.raises((OperationalError, ProgrammingError))
    with expected as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return raised.value


@pytest.mark.django_db
def test_a_statement_that_the_server_refused_is_no_lost_connection():
    assert not outages.is_connection_failure(answered("SELECT * FROM nowhere"))
    assert not outages.is_connection_failure(answered("SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)"))


def test_a_server_that_is_not_there_is():
    with pytest.raises(psycopg2.OperationalError) as raised:
        psycopg2.connect("host=127.0.0.1 port=1")

    assert outages.is_connection_failure(raised.value)
    assert outages.describe(raised.value).startswith("database connection failed: connection to server at")
    assert "\n" not in outages.describe(raised.value)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ends_is():
    with connection.cursor() as cursor, pytest.raises(OperationalError) as raised:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()

    assert outages.is_connection_failure(raised.value)


def test_a_connection_that_was_closed_here_is():
    assert outages.is_connection_failure(InterfaceError("connection already closed"))


def test_anything_else_is_not():
    assert not outages.is_connection_failure(ValueError("connection already closed"))
    assert not outages.is_connection_failure(None)


def test_what_was_described_is_not_described_twice():
    assert outages.describe(OperationalError("database connection failed: gone")) == (
        "database connection failed: gone"
    )
