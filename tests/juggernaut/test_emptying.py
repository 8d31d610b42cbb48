"""Between two tests: what one has committed is gone, and what migrations seeded is there for who needs it."""

import pytest
from django.db import connection
from django.test import TransactionTestCase

from governance.models import Task, Worker
from tests import emptying


def rows(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(r) FROM {table} r ORDER BY 1")
        return cursor.fetchall()


@pytest.mark.django_db(transaction=True)
def test_everything_is_emptied_and_the_seeds_are_sown_again():
    emptying.sow()
    assert Worker.objects.exists()
    Task.objects.create(task_type="noop", assigned_worker="EXECUTOR")

    end = vars(TransactionTestCase)["_fixture_teardown"]
    end(None)
    emptied = [table for table in emptying.seeded() if rows(table)]
    emptying.sow()

    assert emptied == []
    assert not Task.objects.exists()
    assert {table: rows(table) for table in emptying.seeded()} == {
        table: rows(f"seeds.{table}") for table in emptying.seeded()
    }


@pytest.mark.django_db(transaction=True)
def test_seeds_are_sown_once():
    emptying.sow()
    before = Worker.objects.count()

    emptying.sow()

    assert Worker.objects.count() == before
