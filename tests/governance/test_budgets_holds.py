"""The life of a hold: reserved before the call, ended exactly once after it."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, InternalError, OperationalError
from django.utils import timezone

from governance import budgets
from governance.access.actors import Actor
from governance.costs.pricing import Usage
from governance.errors import BudgetExceeded, Forbidden, HoldConflict, HoldNotFound, LeaseLost
from governance.models import BudgetHold, BudgetWindow, CostLine
from governance.tasks import transitions
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import samples

pytestmark = pytest.mark.django_db(transaction=True)

BOSS = Actor("ann", is_trusted=True)


@pytest.fixture(autouse=True)
def limits(transactional_db):
    enlist()
    books.allow(daily_limit="10")


def state(hold):
    return BudgetHold.objects.get(pk=hold.id).state


def test_a_hold_counts_in_every_window_of_the_worker_and_the_fleet():
    books.reserve("1.5")

    held = {(w.scope, w.kind): w.held for w in BudgetWindow.objects.all()}

    scopes = [(scope, kind) for scope in ("ANALYST", "FLEET") for kind in ("day", "week", "month")]
    assert held == dict.fromkeys(scopes, Decimal("1.5"))


def test_settling_books_what_the_call_cost_and_gives_back_the_rest():
    hold = books.reserve("2")

    usage = Usage(1200, 80, cache_read_tokens=1000, reasoning_tokens=50)
    charged = budgets.settle(
        hold.id, price=books.cost("0.123456789"), usage=usage, model="m", request_id="gen-1"
    )

    line = CostLine.objects.get()
    assert charged == line.cost_usd == Decimal("0.123456789")
    assert (line.input_tokens, line.output_tokens, line.cache_read_tokens) == (1200, 80, 1000)
    assert (line.reasoning_tokens, line.model, line.request_id) == (50, "m", "gen-1")
    assert (line.kind, line.price_source, line.actor) == ("call", "provider", "ANALYST")
    free = Decimal(10) - charged
    assert books.window() == {"spent": charged, "held": 0, "overage": 0, "free": free}
    books.assert_sound()


def test_a_call_that_cost_nothing_is_a_line_of_zero():
    hold = books.reserve("2")

    budgets.settle(hold.id, price=books.cost("0"))

    assert books.lines(hold) == [("call", "provider", Decimal(0))]
    assert books.window()["free"] == 10


def test_a_call_without_a_known_price_is_charged_the_whole_hold():
    hold = books.reserve("2")

    budgets.settle(hold.id, price=None)

    assert books.lines(hold) == [("call", "unpriced", Decimal(2))]


def test_more_than_the_hold_is_booked_in_full_and_shown_as_overage():
    books.spend("8.5")
    hold = books.reserve("1.5")

    budgets.settle(hold.id, price=books.cost("2.25"))

    assert books.window() == {"spent": Decimal("10.75"), "held": 0, "overage": Decimal("0.75"), "free": 0}
    with pytest.raises(BudgetExceeded):
        books.reserve("0.000000001")
    books.assert_sound()


def test_a_released_hold_leaves_no_line():
    hold = books.reserve("2")

    budgets.release(hold.id)

    assert not CostLine.objects.exists()
    assert books.window()["free"] == 10
    assert state(hold) == "released"


def test_an_unknown_outcome_is_charged_in_full_and_settled_when_the_price_comes():
    hold = books.reserve("2")

    assert budgets.charge_unknown(hold.id) == 2
    assert budgets.settle(hold.id, price=books.cost("0.5")) == Decimal("0.5")

    assert books.lines(hold) == [("call", "unknown", Decimal(2)), ("correction", "provider", Decimal("-1.5"))]
    assert books.window() == {"spent": Decimal("0.5"), "held": 0, "overage": 0, "free": Decimal("9.5")}
    books.assert_sound()


def test_an_expired_hold_is_charged_not_released():
    late, alive = books.reserve("2", seconds=1), books.reserve("3", seconds=100)

    expired = budgets.expire_holds(at=timezone.now() + timedelta(seconds=2))

    assert expired == 1
    assert (state(late), state(alive)) == ("expired", "open")
    assert books.lines(late) == [("call", "expired", Decimal(2))]
    assert books.window() == {"spent": 2, "held": 3, "overage": 0, "free": 5}
    books.assert_sound()


def test_nothing_expires_before_its_time():
    books.reserve("2", seconds=100)

    assert budgets.expire_holds() == 0


@pytest.mark.parametrize(
    ("end", "again", "found"),
    [
        ("settle", "release", "settled"),
        ("settle", "charge", "settled"),
        ("settle", "settle more", "settled"),
        ("release", "settle", "released"),
        ("release", "charge", "released"),
        ("charge", "release", "unknown"),
        ("expire", "release", "expired"),
    ],
)
def test_a_hold_ends_once(end, again, found):
    verbs = {
        "settle": lambda hold: budgets.settle(hold.id, price=books.cost("1")),
        "settle more": lambda hold: budgets.settle(hold.id, price=books.cost("1.5")),
        "release": lambda hold: budgets.release(hold.id),
        "charge": lambda hold: budgets.charge_unknown(hold.id),
        "expire": lambda hold: budgets.expire_holds(at=timezone.now() + timedelta(hours=1)),
    }
    hold = books.reserve("2")
    verbs[end](hold)
    before = books.window()

    with pytest.raises(HoldConflict) as refused:
        verbs[again](hold)

    assert refused.value.found == found
    assert books.window() == before
    books.assert_sound()


@pytest.mark.parametrize(
    "verb",
    [
        lambda hold: budgets.settle(hold.id, price=books.cost("1")),
        lambda hold: budgets.release(hold.id),
        lambda hold: budgets.charge_unknown(hold.id),
    ],
)
def test_saying_the_same_end_twice_books_it_once(verb):
    hold = books.reserve("2")

    assert verb(hold) == verb(hold)

    assert len(books.lines(hold)) <= 1
    books.assert_sound()


def test_a_hold_that_does_not_exist_is_not_found():
    with pytest.raises(HoldNotFound):
        budgets.release(uuid4())
    with pytest.raises(HoldNotFound):
        budgets.correct(uuid4(), cost_usd=Decimal(1), actor=BOSS, reason="?")


def test_a_correction_is_a_new_line_in_the_windows_of_the_call():
    hold = books.spend("2")

    difference = budgets.correct(hold.id, cost_usd=Decimal("0.75"), actor=BOSS, reason="invoice of May")

    line = CostLine.objects.get(kind="correction")
    assert difference == line.cost_usd == Decimal("-1.25")
    assert (line.actor, line.reason, line.line, line.created_at) == (
        "ann",
        "invoice of May",
        1,
        hold.created_at,
    )
    assert books.window()["spent"] == Decimal("0.75")
    books.assert_sound()


def test_a_correction_upward_is_overage_and_comes_off_when_it_is_taken_back():
    hold = books.spend("2")
    books.spend("8")

    budgets.correct(hold.id, cost_usd=Decimal(3), actor=BOSS, reason="invoice")
    above = books.window()
    budgets.correct(hold.id, cost_usd=Decimal(1), actor=BOSS, reason="other invoice")

    assert above == {"spent": 11, "held": 0, "overage": 1, "free": 0}
    assert books.window() == {"spent": 9, "held": 0, "overage": 0, "free": 1}
    books.assert_sound()


def test_a_correction_to_the_same_amount_writes_nothing():
    hold = books.spend("2")

    assert budgets.correct(hold.id, cost_usd=Decimal(2), actor=BOSS, reason="sure?") == 0

    assert len(books.lines(hold)) == 1


def test_an_open_hold_is_not_corrected():
    hold = books.reserve("2")

    with pytest.raises(HoldConflict, match="it is open"):
        budgets.correct(hold.id, cost_usd=Decimal(1), actor=BOSS, reason="?")


def test_correcting_needs_a_permission():
    hold = books.spend("2")

    with pytest.raises(Forbidden, match="correct_costline"):
        budgets.correct(hold.id, cost_usd=Decimal(1), actor=Actor("bob"), reason="?")


@pytest.mark.parametrize(
    "change", ["UPDATE api_cost_tracking SET cost_usd = 0", "DELETE FROM api_cost_tracking"]
)
def test_the_ledger_is_append_only(change):
    books.spend("2")

    with pytest.raises(InternalError, match="append-only"):
        books.sql(change)


def test_a_line_that_is_typed_in_counts_in_the_budgets():
    books.sql("INSERT INTO api_cost_tracking (worker_id, cost_usd) VALUES ('ANALYST', 3.25)")

    assert books.window() == {
        "spent": Decimal("3.25"),
        "held": 0,
        "overage": Decimal("3.25"),
        "free": Decimal("6.75"),
    }
    assert CostLine.objects.get().price_source == "manual"
    books.assert_sound()


def test_the_database_itself_refuses_to_overspend():
    books.reserve("10")

    with pytest.raises(IntegrityError, match="budget_window_not_overspent"):
        books.sql("UPDATE budget_windows SET held = held + 0.000000001 WHERE scope = 'ANALYST'")


def test_drift_is_found():
    books.spend("2")
    books.sql("UPDATE budget_windows SET spent = spent - 1 WHERE scope = 'FLEET' AND kind = 'day'")

    [found] = budgets.discrepancies(since=timezone.now())

    assert str(found).startswith("FLEET, day of ")
    assert found.what == "spent"
    assert [found.stands, found.adds_up] == [1, 2]


def test_a_hold_is_not_made_inside_a_transaction_that_may_roll_back():
    with pytest.raises(RuntimeError, match="outside of any transaction"), transaction.atomic():
        books.reserve("1")

    assert not BudgetHold.objects.exists()


def test_without_an_answer_from_the_database_there_is_no_hold():
    connection.close()
    settings = connection.settings_dict
    port, settings["PORT"] = settings["PORT"], "1"

    try:
        with pytest.raises(OperationalError):
            books.reserve("1")
    finally:
        settings["PORT"] = port
        connection.close()

    assert not BudgetHold.objects.exists()


def test_who_lost_the_task_reserves_nothing_for_it():
    task_id, _, token = samples.running()
    books.reserve("1", task_id=task_id, lease_token=token)

    with pytest.raises(LeaseLost):
        books.reserve("1", task_id=task_id, lease_token=token - 1)
    transitions.terminate([task_id], actor="ann", reason="enough")
    with pytest.raises(LeaseLost):
        books.reserve("1", task_id=task_id, lease_token=token)

    assert BudgetHold.objects.count() == 1


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity", "1e12"])
def test_what_is_no_amount_of_money_is_refused(amount):
    with pytest.raises(ValueError, match="not an amount of money"):
        books.reserve(amount)


def test_the_fleet_is_no_worker():
    with pytest.raises(ValueError, match="FLEET"):
        books.reserve("1", worker_id="FLEET")
