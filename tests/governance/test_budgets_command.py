"""`manage.py set_budget`."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from governance.models import AuditEntry, WorkerBudget
from tests.fleet import enlist
from tests.governance import budgets as books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fleet(transactional_db):
    enlist()
    books.allow(daily_limit="8", weekly_limit="20")


def run(*arguments):
    output = StringIO()
    call_command("set_budget", *arguments, stdout=output)
    return output.getvalue()


def test_it_sets_what_is_named_and_says_how_the_worker_stands():
    books.spend("1.5")

    said = run("ANALYST", "--daily", "4", "--weekly", "none", "--reason", "costs exploded")

    row = WorkerBudget.objects.get(pk="ANALYST")
    assert (row.daily_limit, row.weekly_limit) == (4, None)
    assert "ANALYST, day: spent 1.500000000, held 0, overage 0" in said.replace("0.000000000", "0")
    assert "free 2.500000000 of 4.000000000 USD" in said
    assert "ANALYST, week" in said
    assert AuditEntry.objects.filter(target="budget ANALYST", reason="costs exploded").count() == 1


def test_without_a_change_it_changes_nothing():
    said = json.loads(run("ANALYST", "--json"))

    assert [window["scope"] for window in said] == ["ANALYST"] * 3 + ["FLEET"] * 3
    assert Decimal(said[0]["free_usd"]) == 8
    assert not AuditEntry.objects.filter(action="budget.set_limits").exists()


@pytest.mark.parametrize("amount", ["much", "-1"])
def test_what_is_no_amount_is_refused(amount):
    with pytest.raises(CommandError, match=amount):
        run("ANALYST", f"--daily={amount}")


def test_the_fleet_has_a_standing_of_its_own():
    said = run("FLEET", "--monthly", "300")

    assert said.count("FLEET") == 3
    assert "of 300.000000000 USD" in said
