"""`manage.py set_budget`."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from governance.models import AuditEntry, WorkerBudget
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import samples
from tests.ids import NOBODYS_ID

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


@pytest.mark.parametrize(
    ("how", "limits"), [("--halve", (4, 10)), ("--raise", (16, 40)), ("--factor=1.25", (10, 25))]
)
def test_limits_are_multiplied(how, limits):
    said = run("ANALYST", how, "--reason", "tight")

    row = WorkerBudget.objects.get(pk="ANALYST")
    assert (row.daily_limit, row.weekly_limit, row.monthly_limit) == (*limits, None)
    assert f"ANALYST, daily_limit: is {limits[0]}.000000000 USD, was 8.000000000" in said
    assert AuditEntry.objects.get(target="budget ANALYST", action__endswith="_limits").reason == "tight"


def test_one_limit_of_many_budgets_is_multiplied():
    document = json.loads(run("ANALYST", "EXECUTOR", "--halve", "--only", "daily", "--json"))

    assert [change["after"] for change in document["changes"]] == [{"daily_limit": "4"}, {"daily_limit": "5"}]
    assert WorkerBudget.objects.get(pk="ANALYST").weekly_limit == 20


def test_what_multiplying_would_do_is_told_and_not_done():
    before = list(AuditEntry.objects.values_list("id", flat=True))

    said = run("ANALYST", "EXECUTOR", "--halve", "--dry-run")

    assert "ANALYST, daily_limit: would be 4.000000000 USD, was 8.000000000" in said
    assert WorkerBudget.objects.get(pk="ANALYST").daily_limit == 8
    assert list(AuditEntry.objects.values_list("id", flat=True)) == before


def test_without_a_name_every_budget_is_told():
    windows = json.loads(run("--json"))

    assert len(windows) == 3 * WorkerBudget.objects.count()
    assert windows[0]["scope"] == "FLEET"


def test_several_limits_are_set_at_once():
    run("ANALYST", "EXECUTOR", "--daily", "3")

    assert set(WorkerBudget.objects.filter(daily_limit=3).values_list("pk", flat=True)) == {
        "ANALYST",
        "EXECUTOR",
    }


def test_the_envelope_of_a_task_is_told():
    task = samples.submit(max_cost_usd="1.5")

    assert f"task:{task}, task: spent" in run("--task", str(task))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ANALYTS", "--daily", "3"], "no budget has the scope 'ANALYTS'; known: FLEET, ANALYST"),
        (["ANALYST", "ANALYTS", "--daily", "3"], "no budget has the scope 'ANALYTS'"),
        (["ANALYTS"], "no budget has the scope 'ANALYTS'"),
        (["ANALYTS", "--halve"], "no budget has the scope 'ANALYTS'"),
        (["--halve"], "name the workers"),
        (["--daily", "3"], "name the workers"),
        (["ANALYST", "--daily", "3", "--halve"], "one of both"),
        (["ANALYST", "--dry-run"], "go with --raise"),
        (["ANALYST", "--only", "daily", "--daily", "3"], "go with --raise"),
        (["ANALYST", "--factor", "much"], "'much' is not a number"),
        (["ANALYST", "--factor", "NaN"], "factor: a number from 0"),
        (["--task", "task-id"], "'task-id' is not the id of a task"),
        (["--task", NOBODYS_ID], "no task has the id"),
        (["ANALYST", "--task", NOBODYS_ID], "--task only tells"),
    ],
)
def test_what_is_unclear_is_refused_in_one_line(arguments, said):
    with pytest.raises(CommandError, match=said) as refusal:
        run(*arguments)

    assert "\n" not in str(refusal.value)
    assert WorkerBudget.objects.get(pk="ANALYST").daily_limit == 8
