"""Every column that the product reads refuses what has no meaning, and says which column it is."""

import pytest
from django.db import IntegrityError, connection, transaction

from governance.db.operations.value_guards import RANGES, SUFFIX
from tests.odd_values import extremes

pytestmark = pytest.mark.django_db

_GUARDED = """
SELECT c.relname, p.conname, pg_get_constraintdef(p.oid), p.convalidated
FROM pg_constraint p JOIN pg_class c ON c.oid = p.conrelid WHERE p.contype = 'c' AND c.relname = ANY(%s)"""


def test_every_column_whose_type_can_hold_nonsense_is_guarded():
    with connection.cursor() as cursor:
        cursor.execute(_GUARDED, [extremes.tables()])
        guards = {(table, name): valid for table, name, _, valid in cursor.fetchall()}

    unguarded = [
        column
        for column in extremes.columns()
        if column.type in RANGES and not guards.get((column.table, f"{column.name}{SUFFIX}"))
    ]

    assert unguarded == []


@pytest.mark.parametrize("column", ["daily_limit", "monthly_limit"])
def test_a_budget_of_no_number_is_refused_by_the_name_of_its_column(column):
    """It would be no limit at all: nothing is more than NaN."""
    with pytest.raises(IntegrityError, match=f"{column}_in_range"):
        sql(f"UPDATE worker_budgets SET {column} = %s::numeric", "NaN")


@pytest.mark.parametrize("value", ["infinity", "-infinity", "0044-03-15 12:00 BC", "10000-01-01 00:00"])
def test_a_time_that_nobody_can_read_is_refused_by_the_name_of_its_column(value):
    with pytest.raises(IntegrityError, match="run_after_in_range"):
        sql("INSERT INTO governance_tasks (task_type, run_after) VALUES ('noop', %s)", value)


@pytest.mark.parametrize("value", [2147483647, -2147483648])
def test_a_counter_at_the_end_of_its_type_is_refused(value):
    """The next claim would count it up, and fail for every task of its batch."""
    with pytest.raises(IntegrityError, match="attempts"):
        sql("INSERT INTO governance_tasks (task_type, attempts) VALUES ('noop', %s)", value)


def sql(statement, value):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [value])
