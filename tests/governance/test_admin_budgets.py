"""Limits in the console: bars that show the books, and verbs that change them once, with a reason."""

from decimal import Decimal

import pytest
from django.utils import timezone

from governance import budgets
from governance.models import AuditEntry, WorkerBudget
from tests.governance.budgets import allow, cost, reserve
from tests.governance.console import person
from tests.governance.gates_console import BUDGETS, RULER, VIEWER, chosen, do, do_many, page, seen, text, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def ruler(client):
    client.force_login(person(*RULER))
    return client


@pytest.fixture
def analyst(db):
    WorkerBudget.objects.filter(pk="ANALYST").update(daily_limit=Decimal(10), weekly_limit=Decimal("0.5"))


def limits(scope="ANALYST"):
    row = WorkerBudget.objects.get(pk=scope)
    return row.daily_limit, row.weekly_limit, row.monthly_limit


@pytest.mark.django_db(transaction=True)
def test_the_list_shows_what_is_spent_held_free_and_over(client, fleet):
    client.force_login(person(*RULER))
    allow(daily_limit="10")
    budgets.settle(reserve("4").id, price=cost("5"))
    reserve("2")

    shown = text(page(client, BUDGETS))

    assert "$5.00 spent, $2.00 held, $3.00 free of $10.00" in shown
    assert "$1.00 over its holds" in shown
    assert "$5.00 spent, $2.00 held, no limit" in shown


def test_who_has_no_limits_is_named(ruler):
    WorkerBudget.objects.filter(pk="STRATEGIST").delete()

    assert "bound by the fleet's alone: STRATEGIST" in text(page(ruler, BUDGETS))


def test_the_list_costs_the_same_queries_however_many_budgets(ruler, django_assert_num_queries):
    page(ruler, BUDGETS)
    with django_assert_num_queries(12) as few:
        page(ruler, BUDGETS)
    WorkerBudget.objects.bulk_create(WorkerBudget(pk=f"W{number}", daily_limit=1) for number in range(30))

    with django_assert_num_queries(len(few.captured_queries)):
        page(ruler, BUDGETS)


def test_halving_asks_first_with_before_and_after_and_then_halves(ruler, analyst):
    asked = ruler.post(BUDGETS, chosen("halve_chosen", "ANALYST", "FLEET"))
    assert "ANALYST, a day $10.00 $5.00" in text(asked.content.decode())
    assert limits() == (10, Decimal("0.5"), None)

    done = do_many(ruler, BUDGETS, "halve_chosen", "ANALYST", "FLEET", reason="costs explode")

    assert done.status_code == 302
    assert told(done) == "Halved the limits of ANALYST, FLEET."
    assert limits() == (5, Decimal("0.25"), None)
    entry = AuditEntry.objects.get(target="budget ANALYST", action="budget.halve_limits")
    assert (entry.reason, entry.actor[:5]) == ("costs explode", "user:")
    assert [row["daily_limit"] for row in (entry.before, entry.after) if row] == [10, 5]


def test_a_page_that_is_sent_twice_halves_once(ruler, analyst):
    address = f"{BUDGETS}ANALYST/halve/"
    sent = {"confirmed": "1", "seen": seen(ruler.get(address)), "reason": "once"}

    first, second = ruler.post(address, sent), ruler.post(address, sent)

    assert (first.status_code, second.status_code) == (302, 200)
    assert "was done already" in text(second.content.decode())
    assert limits()[0] == 5


def test_what_somebody_else_has_changed_meanwhile_is_shown_again(ruler, analyst):
    address = f"{BUDGETS}ANALYST/halve/"
    sent = {"confirmed": "1", "seen": seen(ruler.get(address)), "reason": "late"}
    WorkerBudget.objects.filter(pk="ANALYST").update(daily_limit=Decimal(100))

    again = ruler.post(address, sent)

    assert "$100.00 $50.00" in text(again.content.decode())
    assert limits()[0] == 100


def test_limits_are_raised_by_the_factor_that_was_said(ruler, analyst):
    preview = ruler.post(f"{BUDGETS}ANALYST/raise/", {"preview": "1", "factor": "1.5"})
    assert "$10.00 $15.00" in text(preview.content.decode())

    do(ruler, f"{BUDGETS}ANALYST/raise/", factor="1.5")

    assert limits() == (15, Decimal("0.75"), None)


@pytest.mark.parametrize("factor", ["", "1", "0.5", "-2", "many", "2000"])
def test_an_impossible_factor_is_refused_at_its_field(ruler, analyst, factor):
    refused = do(ruler, f"{BUDGETS}ANALYST/raise/", factor=factor)

    assert refused.status_code == 200
    assert refused.context["form"].errors["factor"]
    assert limits()[0] == 10


def test_limits_are_set_and_the_page_tells_who_did_it(ruler, analyst):
    done = do(
        ruler, f"{BUDGETS}ANALYST/limits/", reason="a new customer",
        daily_limit="7.25", weekly_limit="", monthly_limit="90", timezone="Europe/Berlin",
    )  # fmt: skip

    assert done.url == f"{BUDGETS}ANALYST/change/"
    assert limits() == (Decimal("7.25"), None, 90)
    assert WorkerBudget.objects.get(pk="ANALYST").timezone == "Europe/Berlin"
    shown = text(page(ruler, f"{BUDGETS}ANALYST/change/"))
    assert "a new customer" in shown
    assert "daily_limit: 10.0" in shown


@pytest.mark.parametrize(
    ("field", "value"),
    [("daily_limit", "-1"), ("daily_limit", "a lot"), ("timezone", "Mars/Olympus"), ("timezone", "")],
)
def test_impossible_limits_are_named_by_their_field(ruler, analyst, field, value):
    said = {"daily_limit": "1", "timezone": "UTC"} | {field: value}

    refused = do(ruler, f"{BUDGETS}ANALYST/limits/", **said)

    assert list(refused.context["form"].errors) == [field]
    assert limits()[0] == 10


@pytest.mark.parametrize("verb", ["limits", "raise", "halve"])
def test_without_a_reason_nothing_is_changed(ruler, analyst, verb):
    refused = do(ruler, f"{BUDGETS}ANALYST/{verb}/", reason=" ", factor="2", daily_limit="1", timezone="UTC")

    assert "A reason is needed" in refused.content.decode()
    assert limits()[0] == 10


def test_limits_of_somebody_new_are_made(ruler):
    WorkerBudget.objects.filter(pk="STRATEGIST").delete()

    done = do(ruler, f"{BUDGETS}add/", scope="STRATEGIST", daily_limit="3", timezone="UTC")

    assert done.url == BUDGETS
    assert limits("STRATEGIST") == (3, None, None)


def test_a_budget_of_nobody_is_not_found(ruler):
    assert ruler.get(f"{BUDGETS}NOBODY/halve/").status_code == 404


@pytest.mark.parametrize("verb", ["limits", "raise", "halve"])
def test_who_may_only_look_sees_no_button_and_cannot_do_it_by_hand(client, analyst, verb):
    client.force_login(person(*VIEWER))

    assert f"/ANALYST/{verb}/" not in page(client, f"{BUDGETS}ANALYST/change/")
    listed = client.get(BUDGETS)
    assert "halve_chosen" not in listed.content.decode()
    assert client.post(f"{BUDGETS}ANALYST/{verb}/", {"confirmed": "1", "reason": "x"}).status_code == 403
    assert client.get(f"{BUDGETS}add/").status_code == 403
    assert limits()[0] == 10


def test_the_service_refuses_although_the_page_would_allow(client, analyst, monkeypatch):
    from juggernaut.console.pages.costs.budgets import BudgetAdmin

    monkeypatch.setattr(BudgetAdmin, "has_limit_permission", lambda *_: True)
    client.force_login(person(*VIEWER))

    assert do(client, f"{BUDGETS}ANALYST/halve/").status_code == 403
    assert limits()[0] == 10


def test_budgets_are_filtered_by_how_much_of_them_is_used(client):
    client.force_login(person("view_workerbudget"))
    nearly, up = _standing("8", "10"), _standing("10", "10")
    none = (_standing("0", "0"), _standing("5", None))

    assert [nearly.is_used_to(share) for share in (Decimal("0.8"), Decimal(1))] == [True, False]
    assert up.is_used_to(Decimal(1))
    assert not any(window.is_used_to(Decimal("0.8")) for window in none)
    shown = client.get(f"{BUDGETS}?use=100").context["cl"]
    assert list(shown.result_list) == []


def _standing(spent, limit):
    now = timezone.now()
    usd = limit and Decimal(limit)
    return budgets.BudgetBalance(
        "X", "day", now, now, usd, Decimal(spent), Decimal(0), Decimal(0), Decimal(0)
    )
