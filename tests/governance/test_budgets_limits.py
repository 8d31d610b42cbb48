"""Limits: which of them refuses a call, and when a change of them binds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.utils import DataError, IntegrityError
from django.utils import timezone

from governance import budgets
from governance.access.actors import Actor
from governance.costs.pricing import Bound
from governance.errors import BudgetExceeded, BudgetNotFound, Forbidden, InvalidInput
from governance.models import AuditEntry, BudgetWindow, WorkerBudget
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import samples

pytestmark = pytest.mark.django_db(transaction=True)

BOSS = Actor("ann", is_trusted=True)


@pytest.fixture(autouse=True)
def fleet(transactional_db):
    enlist()


def at(text, **later):
    return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(**later)


def refused(amount, **call):
    with pytest.raises(BudgetExceeded) as refusal:
        books.reserve(amount, **call)
    return refusal.value


def test_the_last_cent_can_be_spent_and_not_one_more():
    books.allow(daily_limit="1")
    books.spend("0.999999999")
    books.spend("0.000000001")

    refusal = refused("0.000000001")

    assert (refusal.scope, refusal.kind, refusal.left_usd) == ("ANALYST", "day", 0)


def test_a_refusal_names_the_scope_what_is_left_and_when_the_window_ends():
    books.allow(daily_limit="1")
    books.spend("0.75")

    refusal = refused("0.5")

    assert (refusal.limit_usd, refusal.used_usd, refusal.asked_usd) == (1, Decimal("0.75"), Decimal("0.5"))
    assert refusal.ends_at > timezone.now()
    assert "budget of ANALYST for the day" in str(refusal)
    assert "0.250000000 USD left" in str(refusal)


def test_a_refused_call_holds_nothing_anywhere():
    books.allow(daily_limit="10", fleet="1")

    refusal = refused("2")

    assert refusal.scope == "FLEET"
    assert set(BudgetWindow.objects.values_list("held", flat=True)) == {0}


@pytest.mark.parametrize("kind", ["week", "month"])
def test_week_and_month_bind_across_days(kind):
    limit = {"week": "weekly_limit", "month": "monthly_limit"}[kind]
    books.allow(**{limit: "3"})
    for day in range(2):
        books.spend("1.5", at=at("2026-06-01 12:00", days=day))

    refusal = refused("0.1", at=at("2026-06-03 12:00"))

    assert refusal.kind == kind


def test_a_new_window_is_a_new_row_and_starts_at_nothing():
    books.allow(daily_limit="1")
    books.spend("1", at=at("2026-06-01 23:59"))

    books.spend("1", at=at("2026-06-02 00:00"))

    days = BudgetWindow.objects.filter(scope="ANALYST", kind="day").order_by("starts_at")
    assert [day.spent for day in days] == [1, 1]


def test_a_call_is_booked_in_the_window_that_it_was_made_in():
    books.allow(daily_limit="1")
    hold = books.reserve("1", at=at("2026-06-01 23:59:59"))
    books.reserve("1", at=at("2026-06-02 00:00:01"))

    budgets.settle(hold.id, price=books.cost("0.5"))

    assert books.window(at=at("2026-06-01 12:00"))["spent"] == Decimal("0.5")
    assert books.window(at=at("2026-06-02 12:00"))["spent"] == 0


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)],
    ids=["spring", "autumn", "plain"],
)
def test_days_turn_at_local_midnight_also_when_the_clocks_change(day, hours):
    books.allow(daily_limit="1", timezone="Europe/Berlin")

    [window, *_] = budgets.balance(books.WORKER, at=at(f"{day} 10:00"))
    assert window.kind == "day"
    assert window.ends_at is not None

    assert window.ends_at - window.starts_at == timedelta(hours=hours)
    books.spend("1", at=window.starts_at)
    refused("0.1", at=window.ends_at - timedelta(microseconds=1))
    books.spend("1", at=window.ends_at)


def test_weeks_begin_on_monday():
    books.allow(weekly_limit="1", timezone="America/New_York")
    books.spend("1", at=at("2026-06-08 03:59"))

    books.spend("1", at=at("2026-06-08 04:00"))

    assert BudgetWindow.objects.filter(scope="ANALYST", kind="week").count() == 2


def test_moving_to_another_time_zone_gives_no_money_back():
    books.allow(daily_limit="1", timezone="UTC")
    books.spend("0.75", at=at("2026-06-01 12:00"))
    books.sql("UPDATE worker_budgets SET timezone = 'Asia/Tokyo' WHERE worker_id = 'ANALYST'")

    refusal = refused("0.5", at=at("2026-06-01 13:00"))

    assert refusal.left_usd == Decimal("0.25")
    books.assert_sound()


def test_limits_changed_in_sql_bind_at_the_next_call():
    books.allow(daily_limit="1")
    books.spend("0.5")

    books.sql(
        "UPDATE worker_budgets SET daily_limit = daily_limit * 0.5 WHERE worker_id IN ('EXECUTOR', 'ANALYST')"
    )
    refused("0.1")
    books.sql("UPDATE worker_budgets SET daily_limit = 2 WHERE worker_id = 'ANALYST'")

    books.spend("1.5")


def test_a_limit_below_what_is_spent_refuses_and_breaks_nothing():
    books.allow(daily_limit="10")
    hold = books.reserve("5")
    books.sql("UPDATE worker_budgets SET daily_limit = 1 WHERE worker_id = 'ANALYST'")

    budgets.settle(hold.id, price=books.cost("5"))

    assert refused("0.1").left_usd == 0
    books.assert_sound()


def test_a_limit_that_is_set_in_the_middle_of_a_day_counts_what_was_spent_before():
    books.allow()
    books.spend("5")

    books.sql("UPDATE worker_budgets SET daily_limit = 5 WHERE worker_id = 'ANALYST'")

    refused("0.1")


def test_what_costs_nothing_is_never_refused():
    books.allow(daily_limit="0")

    assert books.reserve("0").amount_usd == 0


def test_a_worker_without_a_row_is_bound_by_the_fleet():
    books.allow(fleet="1")
    books.sql("DELETE FROM worker_budgets WHERE worker_id = 'ANALYST'")

    books.spend("1")

    assert refused("0.1").scope == "FLEET"


def test_without_the_fleets_row_nothing_is_spent():
    books.allow(daily_limit="10")
    books.sql("DELETE FROM worker_budgets WHERE worker_id = 'FLEET'")

    assert refused("0.1").limit_usd == 0


def test_a_task_and_its_children_share_its_envelope():
    books.allow()
    parent = samples.submit(max_cost_usd="1")
    child = samples.submit(parent=str(parent), max_cost_usd="0.8")
    grandchild = samples.submit(parent=str(child))
    books.spend("0.5", task_id=parent)

    too_much = refused("0.6", task_id=grandchild)
    books.spend("0.3", task_id=grandchild)

    assert (too_much.scope, too_much.kind, too_much.ends_at) == (f"task:{parent}", "task", None)
    assert refused("0.3", task_id=child).scope == f"task:{parent}"
    books.sql("UPDATE governance_tasks SET max_cost_usd = 5 WHERE id = %s", str(parent))
    assert refused("0.6", task_id=child).scope == f"task:{child}"
    books.assert_sound()


def test_an_envelope_that_a_running_task_is_given_counts_what_it_has_spent():
    books.allow()
    parent = samples.submit()
    child = samples.submit(parent=str(parent))
    books.spend("0.5", task_id=child)
    books.reserve("0.25", task_id=parent)

    books.sql("UPDATE governance_tasks SET max_cost_usd = 1 WHERE id = %s", str(parent))

    assert refused("0.5", task_id=parent).left_usd == Decimal("0.25")
    books.assert_sound()


def test_a_call_that_does_not_fit_is_shrunk_to_what_does():
    books.allow(daily_limit="0.02")
    bound = Bound(1000, Decimal(3), Decimal(15), Decimal(0))

    hold, max_tokens = budgets.reserve_tokens(
        bound, max_tokens=4000, least_tokens=200, worker_id=books.WORKER, seconds=60
    )

    assert (hold.amount_usd, max_tokens) == (Decimal("0.02"), 1133)
    assert bound.usd(1133) <= hold.amount_usd < bound.usd(1134)


def test_a_call_that_cannot_be_shrunk_enough_is_refused():
    books.allow(daily_limit="0.005")
    bound = Bound(1000, Decimal(3), Decimal(15), Decimal(0))

    with pytest.raises(BudgetExceeded) as refusal:
        budgets.reserve_tokens(bound, max_tokens=4000, least_tokens=200, worker_id=books.WORKER, seconds=60)

    assert refusal.value.asked_usd == bound.usd(200)


def test_a_call_that_fits_is_not_shrunk():
    books.allow()
    bound = Bound(1000, Decimal(3), Decimal(15), Decimal(0))

    hold, max_tokens = budgets.reserve_tokens(
        bound, max_tokens=4000, least_tokens=200, worker_id=books.WORKER, seconds=60
    )

    assert (hold.amount_usd, max_tokens) == (Decimal("0.063"), 4000)


def test_setting_limits_leaves_the_others_and_makes_a_missing_row():
    WorkerBudget.objects.filter(pk="STRATEGIST").delete()

    budgets.set_limits("STRATEGIST", limits={"daily_limit": Decimal(5)}, timezone="Europe/Berlin", actor=BOSS)
    budgets.set_limits("STRATEGIST", limits={"weekly_limit": Decimal(9), "daily_limit": None}, actor=BOSS)

    row = WorkerBudget.objects.get(pk="STRATEGIST")
    assert (row.daily_limit, row.weekly_limit, row.monthly_limit) == (None, 9, None)
    assert row.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("daily_limit", {"limits": {"daily_limit": Decimal(-1)}}),
        ("yearly_limit", {"limits": {"yearly_limit": Decimal(1)}}),
        ("timezone", {"limits": {}, "timezone": "Mars/Base"}),
    ],
)
def test_impossible_limits_are_refused_by_name(field, change):
    WorkerBudget.objects.filter(pk="STRATEGIST").delete()

    with pytest.raises(InvalidInput) as refusal:
        budgets.set_limits("STRATEGIST", **change, actor=BOSS)

    assert [error.field for error in refusal.value.errors] == [field]
    assert not WorkerBudget.objects.filter(pk="STRATEGIST").exists()


def test_every_change_of_a_limit_is_audited_once_whichever_door_it_came_through():
    books.allow(daily_limit="8")

    budgets.set_limits("ANALYST", limits={"daily_limit": Decimal(4)}, actor=BOSS, reason="costs exploded")
    books.sql("UPDATE worker_budgets SET daily_limit = daily_limit * 0.5 WHERE worker_id = 'ANALYST'")

    by_verb, by_hand = AuditEntry.objects.filter(target="budget ANALYST").order_by("-id")[:2][::-1]
    assert (by_verb.actor, by_verb.action, by_verb.reason) == ("ann", "budget.set_limits", "costs exploded")
    assert [row["daily_limit"] for row in (by_verb.before, by_verb.after) if row] == [8, 4]
    assert by_hand.actor.startswith("sql:")
    assert [row["daily_limit"] for row in (by_hand.before, by_hand.after) if row] == [4, 2]


def test_a_limit_of_nobody_is_refused():
    with pytest.raises(BudgetNotFound, match="no budget has the scope 'ANALYTS'; known: FLEET, ANALYST"):
        budgets.set_limits("ANALYTS", limits={"daily_limit": Decimal(4)}, actor=BOSS)

    assert not WorkerBudget.objects.filter(pk="ANALYTS").exists()


def test_setting_limits_needs_a_permission():
    with pytest.raises(Forbidden, match="change_workerbudget"):
        budgets.set_limits("STRATEGIST", limits={}, actor=Actor("bob"))


def test_sql_cannot_set_an_impossible_limit():
    books.allow(daily_limit="1")

    with pytest.raises(DataError, match="not recognized"):
        books.sql("UPDATE worker_budgets SET timezone = 'Mars/Base'")
    with pytest.raises(IntegrityError, match="budget_daily_limit_positive"):
        books.sql("UPDATE worker_budgets SET daily_limit = -1")
