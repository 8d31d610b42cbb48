"""Money is on disk before anybody relies on it, and no window is locked while the disk is waited for."""

from typing import Any

import pytest
from django.db import connection, transaction

from governance import budgets
from governance.db import async_commit
from governance.errors import BudgetExceeded
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance.budgets import sql

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def limits(transactional_db):
    enlist()
    books.allow(daily_limit="10")


@pytest.fixture
def flushes(monkeypatch):
    """Of each flush: how far the log was written when it began, and whether that was after the commit."""
    seen: list[dict[str, Any]] = []
    really = async_commit.flush

    def flush() -> str:
        seen.append({"written": position("insert"), "is_committed": not connection.in_atomic_block})
        return really()

    monkeypatch.setattr(async_commit, "flush", flush)
    return seen


def position(of: str) -> str:
    return str(sql(f"SELECT pg_current_wal_{of}_lsn()")[0][0])


def is_on_disk(written: str) -> bool:
    return bool(sql("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", written)[0][0])


def test_a_hold_is_on_disk_when_its_call_may_go_out(flushes):
    books.reserve("1")

    [flush] = flushes
    assert flush["is_committed"]
    assert is_on_disk(flush["written"])


def test_a_refusal_waits_for_nothing(flushes):
    with pytest.raises(BudgetExceeded):
        books.reserve("11")

    assert flushes == []


@pytest.mark.parametrize("end", ["settle", "release", "unknown", "expire"])
def test_the_end_of_a_hold_is_on_disk_when_it_is_told(flushes, end):
    hold = books.reserve("1", seconds=0 if end == "expire" else 60)
    flushes.clear()

    match end:
        case "settle":
            budgets.settle(hold.id, price=books.cost("0.5"))
        case "release":
            budgets.release(hold.id)
        case "unknown":
            budgets.charge_unknown(hold.id)
        case "expire":
            budgets.expire_holds()

    [flush] = flushes
    assert flush["is_committed"]
    assert is_on_disk(flush["written"])


def test_an_end_that_is_told_with_other_things_is_on_disk_when_all_of_them_are(flushes):
    hold = books.reserve("1")
    flushes.clear()

    with transaction.atomic():
        budgets.settle(hold.id, price=books.cost("0.5"))
        assert flushes == []

    assert [flush["is_committed"] for flush in flushes] == [True]
    assert is_on_disk(flushes[0]["written"])


def test_an_end_that_is_taken_back_waits_for_nothing(flushes):
    hold = books.reserve("1")
    flushes.clear()

    with transaction.atomic():
        budgets.settle(hold.id, price=books.cost("0.5"))
        transaction.set_rollback(True)

    assert flushes == []
    assert books.window()["held"] == 1


def test_a_commit_that_locks_windows_does_not_wait_for_the_disk_and_others_do():
    hold = books.reserve("1")
    before = sql("SHOW synchronous_commit")

    with transaction.atomic():
        budgets.settle(hold.id, price=books.cost("0.5"))
        within = sql("SHOW synchronous_commit")

    assert (before, within, sql("SHOW synchronous_commit")) == ([("on",)], [("off",)], [("on",)])


def test_a_flush_takes_along_what_was_committed_before_it():
    with transaction.atomic():
        sql("SET LOCAL synchronous_commit = off")
        sql("UPDATE worker_budgets SET daily_limit = 9")
    written = position("insert")

    async_commit.flush()

    assert is_on_disk(written)
