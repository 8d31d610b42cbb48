"""Only what a new connection may cure counts as a lost connection."""

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError, connection, transaction

from governance.db import errors as db_errors


def answered(statement):
    expected = pytest.raises(db_errors.ERRORS)
    with expected as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return raised.value


@pytest.mark.django_db
def test_a_statement_that_the_server_refused_is_no_lost_connection():
    assert not db_errors.is_connection_failure(answered("SELECT * FROM nowhere"))
    assert not db_errors.is_connection_failure(
        answered("SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)")
    )


def test_a_server_that_is_not_there_is():
    with pytest.raises(psycopg2.OperationalError) as raised:
        psycopg2.connect("host=127.0.0.1 port=1")

    assert db_errors.is_connection_failure(raised.value)
    assert db_errors.describe(raised.value).startswith("database connection failed: connection to server at")
    assert "\n" not in db_errors.describe(raised.value)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ends_is():
    with connection.cursor() as cursor, pytest.raises(OperationalError) as raised:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()

    assert db_errors.is_connection_failure(raised.value)


def test_a_connection_that_was_closed_here_is():
    assert db_errors.is_connection_failure(InterfaceError("connection already closed"))


UNABLE = {
    "25006": "database is read-only",
    "53100": "database disk is full",
    "53200": "database is out of memory",
    "53300": "database connection failed",
    "57014": "database took too long",
    "57P01": "database connection failed",
    "57P03": "database connection failed",
}


@pytest.mark.django_db
@pytest.mark.parametrize("sqlstate", UNABLE)
def test_a_server_that_cannot_do_its_work_is_unavailable_whatever_the_statement(sqlstate):
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(db_errors.ERRORS) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(raising)

    assert db_errors.is_unavailable(raised.value)
    assert db_errors.may_pass(raised.value)
    assert db_errors.headline(raised.value) == UNABLE[sqlstate]
    assert db_errors.describe(raised.value).startswith(f"{UNABLE[sqlstate]}: no")


@pytest.mark.django_db
def test_a_read_only_server_is_left_for_another_and_one_that_is_full_is_not():
    read_only = answered("SET TRANSACTION READ ONLY; UPDATE fleet SET status = status")
    slow = answered("SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)")

    assert [db_errors.wants_new_connection(error) for error in (read_only, slow)] == [True, False]
    assert [db_errors.is_unavailable(error) for error in (read_only, slow)] == [True, True]


@pytest.mark.django_db
def test_a_statement_that_is_wrong_is_not_unavailable():
    for statement in ("SELECT * FROM nowhere", "SELECT 1/0", "SELECT 'x'::int"):
        error = answered(statement)
        assert not db_errors.is_unavailable(error)
        assert db_errors.describe_if_unavailable(error) == " ".join(str(error).split())


def test_anything_else_is_not():
    assert not db_errors.is_connection_failure(ValueError("connection already closed"))
    assert not db_errors.is_connection_failure(None)


def test_what_was_described_is_not_described_twice():
    assert db_errors.describe(OperationalError("database connection failed: gone")) == (
        "database connection failed: gone"
    )
