"""The watchdog and the money: holds that nobody ends, and books that do not balance."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from governance.models import BudgetHold
from reliability.watchdog import sweep
from tests.fleet import enlist
from tests.governance import budgets as books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fleet(transactional_db):
    enlist()
    books.allow(daily_limit="10")


def full_minute(seconds=0):
    return timezone.now().replace(second=seconds)


def test_expired_holds_are_charged():
    long_ago = datetime(2026, 6, 1, tzinfo=UTC)
    books.reserve("1", at=long_ago)
    books.reserve("1")

    assert sweep.DUTIES["expired holds"](timezone.now()) == 1

    assert sorted(BudgetHold.objects.values_list("state", flat=True)) == ["expired", "open"]


def test_books_that_balance_are_said_nothing_of(caplog):
    books.spend("1")

    assert sweep.DUTIES["unbalanced"](full_minute()) == 0
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_books_that_do_not_balance_are_an_error_once_a_minute(caplog):
    books.spend("1")
    books.sql("UPDATE budget_windows SET spent = 0 WHERE scope = 'FLEET'")

    assert sweep.DUTIES["unbalanced"](full_minute(30)) is None
    assert sweep.DUTIES["unbalanced"](full_minute()) == 1

    assert "the books do not balance: FLEET, day of" in caplog.text


def test_days_that_are_over_are_not_read_again():
    books.spend("1", at=datetime(2026, 6, 1, tzinfo=UTC))
    books.sql("UPDATE budget_windows SET spent = 0")

    assert sweep.DUTIES["unbalanced"](full_minute() + timedelta(minutes=1)) == 0
