"""Sums of the ledger: every figure equals SQL on the ledger itself, to the last digit."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance import budgets, costs
from governance.models import CostHour, CostLine, Task, TaskCost, TaskStep
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import samples
from tests.governance.races import somebody_else

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NOW = timezone.now()
RUNBOOK = "SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'"
TASKS = [UUID(int=number) for number in range(1, 13)]


@pytest.fixture(autouse=True)
def limits(transactional_db):
    enlist()
    books.allow(daily_limit=None, fleet=None)


def type_in(usd, *, at, **columns):
    """A line as somebody types it into psql."""
    values = {"worker_id": "ANALYST", "cost_usd": usd, "created_at": at, **columns}
    marks = ", ".join(["%s"] * len(values))
    books.sql(f"INSERT INTO api_cost_tracking ({', '.join(values)}) VALUES ({marks})", *values.values())


@pytest.fixture
def ledger():
    """Two days of lines at odd moments, of several workers, models and tasks, with odd digits."""
    for number in range(96):
        type_in(
            Decimal(number * 1_234_567 + 1).scaleb(-9),
            at=NOW - timedelta(minutes=31 * number + 7, microseconds=number),
            worker_id=("ANALYST", "EXECUTOR", "STRATEGIST")[number % 3],
            service=("openrouter", "")[number % 2],
            model=f"model-{number % 5}",
            price_source=("provider", "unpriced", "unknown", "expired")[number % 4],
            task_id=str(TASKS[number % 12]) if number % 6 else None,
        )
    assert_sound()


def assert_sound():
    assert [str(found) for found in budgets.discrepancies()] == []


@pytest.fixture
def agent():
    """A completed agent, with the hold of the call that it made."""
    task_id, _, token = samples.running()
    hold = books.reserve("0.5", task_id=task_id, lease_token=token)
    budgets.settle(hold.id, price=None)
    done = Task.objects.filter(pk=task_id)
    done.update(task_type="agent", status="completed", result={"answer": "Seven.", "cost_usd": "0.5"})
    return done, hold


def correct(hold, usd):
    budgets.correct(hold.id, cost_usd=Decimal(usd), actor=samples.SYSTEM, reason="the bill says so")


@pytest.mark.parametrize("usd", ["0.25", "10", "0", "0.123456789"])
def test_the_result_of_an_agent_follows_a_correction_of_its_calls(agent, usd):
    done, hold = agent

    correct(hold, usd)

    assert done.get().result == {"answer": "Seven.", "cost_usd": usd}
    assert costs.of_task(done.get().pk) == Decimal(usd)
    assert_sound()


@pytest.mark.parametrize(
    "facts",
    [
        {"task_type": "noop"},
        {"status": "failed", "error_message": "no"},
        {"result": {"answer": "Seven."}},
        {"result": [{"cost_usd": "0.5"}]},
        {"result": None},
    ],
    ids=["another type", "not completed", "no cost", "a list", "none"],
)
def test_nothing_else_is_changed_by_a_correction(agent, facts):
    done, hold = agent
    done.update(**facts)
    before = done.values().get()

    correct(hold, "0.25")

    assert done.values().get() == before


def test_a_correction_does_not_wait_for_the_row_of_its_task(agent):
    done, hold = agent
    with somebody_else() as psql:
        psql.execute("SELECT FROM governance_tasks WHERE id = %s FOR UPDATE", [str(done.get().pk)])
        correct(hold, "0.25")

    assert costs.of_task(done.get().pk) == Decimal("0.25")
    correct(hold, "0.3")
    assert done.get().result["cost_usd"] == "0.3"


def test_what_a_task_spent_since_its_stop_is_that_of_later_calls(agent):
    done, hold = agent
    task_id = done.get().pk
    TaskStep.objects.create(task_id=task_id, turn=1, call=-1, kind="stop", content={})
    later = books.reserve("0.2", task_id=task_id)
    budgets.settle(later.id, price=books.cost("0.1"))

    correct(hold, "0")

    assert costs.of_task(task_id) == costs.of_task_since_stop(task_id) == Decimal("0.1")
    correct(later, "0.15")
    assert costs.of_task_since_stop(task_id) == Decimal("0.15")


def in_sql(span, what="sum(cost_usd)", where="true"):
    end = span.until or NOW + timedelta(days=10_000)
    [[found]] = books.sql(
        f"SELECT {what} FROM api_cost_tracking WHERE created_at > %s AND created_at <= %s AND {where}",
        span.after, end,
    )  # fmt: skip
    return found or Decimal(0)


def test_the_last_24_hours_are_what_the_runbook_says(ledger):
    [[said]] = books.sql(RUNBOOK)

    assert costs.aggregate(costs.last(hours=24)).total.cost_usd == said > 0


SPANS = {
    "an hour": costs.Span(NOW - timedelta(hours=1)),
    "a day": costs.Span(NOW - timedelta(hours=24)),
    "everything": costs.Span(NOW - timedelta(days=30)),
    "with an end": costs.Span(NOW - timedelta(hours=30, minutes=13), NOW - timedelta(hours=3, minutes=41)),
    "within an hour": costs.Span(NOW - timedelta(hours=3, minutes=40), NOW - timedelta(hours=3, minutes=5)),
    "across one hour's edge": costs.Span(NOW - timedelta(minutes=80), NOW - timedelta(minutes=35)),
    "from a full hour": costs.Span(NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=9)),
    "to a full hour": costs.Span(
        NOW - timedelta(hours=20), NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    ),
    "of nothing": costs.Span(NOW - timedelta(days=30), NOW - timedelta(days=20)),
}


@pytest.mark.parametrize("name", SPANS)
def test_every_sum_is_that_of_the_ledger(ledger, name):
    span = SPANS[name]

    found = costs.aggregate(span)

    assert found.total.cost_usd == in_sql(span)
    assert found.total.lines == in_sql(span, "count(*)")
    for dimension in ("worker_id", "model", "service", "price_source"):
        groups = getattr(found, f"by_{dimension}")
        assert sum(group.lines for group in groups) == found.total.lines
        assert groups == sorted(groups, key=lambda group: -group.cost_usd)
        for group in groups:
            assert group.cost_usd == in_sql(span, where=f"{dimension} = '{group.name}'")
    for hour in found.by_hour:
        where = f"date_trunc('hour', created_at, 'UTC') = '{hour.hour.isoformat()}'"
        assert hour.cost_usd == in_sql(span, where=where)
    assert sum(hour.cost_usd for hour in found.by_hour) == found.total.cost_usd
    assert [hour.hour for hour in found.by_hour] == sorted(hour.hour for hour in found.by_hour)
    assert found.unpriced_usd == in_sql(span, where="price_source = 'unpriced'")
    assert found.unknown_usd == in_sql(span, where="price_source IN ('unknown', 'expired')")


def test_a_filter_keeps_what_it_names(ledger):
    span = SPANS["with an end"]

    found = costs.aggregate(span, worker_id="ANALYST", price_source="provider")

    assert (
        found.total.cost_usd == in_sql(span, where="worker_id = 'ANALYST' AND price_source = 'provider'") > 0
    )
    assert [group.name for group in found.by_worker_id] == ["ANALYST"]


def test_an_unknown_filter_is_an_error():
    with pytest.raises(TypeError, match="expected worker_id, model"):
        costs.aggregate(costs.last(hours=1), colour="red")


def test_the_type_of_a_task_outlives_it_and_is_the_same_at_the_edges_and_in_whole_hours():
    task = samples.submit()
    for hours in (0.01, 5, 23.99):
        type_in("1", at=NOW - timedelta(hours=hours), task_id=str(task))
    Task.objects.all().delete()
    type_in("0.5", at=NOW - timedelta(hours=23.99), task_id=str(task))
    type_in("7", at=NOW, task_id=str(uuid4()))

    found = costs.aggregate(costs.last(hours=24, now=NOW)).by_task_type

    assert [(group.name, group.cost_usd) for group in found] == [("", 7), ("evaluation", Decimal("3.5"))]
    assert_sound()


def test_a_correction_counts_in_the_hour_of_its_call():
    hold = books.reserve("2", at=NOW - timedelta(hours=5))
    budgets.charge_unknown(hold.id)
    before = costs.aggregate(costs.last(hours=24)).by_hour

    budgets.correct(hold.id, cost_usd=Decimal("0.3"), actor=samples.SYSTEM, reason="their invoice")

    after = costs.aggregate(costs.last(hours=24))
    assert [hour.hour for hour in before] == [hour.hour for hour in after.by_hour]
    assert (after.total.cost_usd, after.total.calls, after.total.lines) == (Decimal("0.3"), 1, 2)
    assert CostHour.objects.count() == 2  # one for each source of the price
    assert_sound()


def test_lines_of_one_statement_are_all_counted_once():
    books.sql(
        "INSERT INTO api_cost_tracking (worker_id, cost_usd, task_id, created_at)"
        " SELECT 'ANALYST', 0.000000001, %s::uuid, now() - n * interval '10 min'"
        " FROM generate_series(1, 100) n",
        str(TASKS[0]),
    )

    assert TaskCost.objects.get().cost_usd == Decimal("0.0000001")
    assert costs.aggregate(costs.last(hours=24)).total.lines == 100
    assert_sound()


def test_a_line_that_is_taken_back_is_counted_nowhere():
    books.sql("BEGIN; INSERT INTO api_cost_tracking (worker_id, cost_usd) VALUES ('ANALYST', 1); ROLLBACK")

    assert not CostHour.objects.exists()
    assert not CostLine.objects.exists()


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE cost_hours SET cost_usd = cost_usd + 0.000000001",
        "DELETE FROM cost_hours",
        "INSERT INTO cost_hours VALUES (date_trunc('hour', now()), 'X', '', '', '', 'manual', 1, 1, 1)",
        "UPDATE cost_hours SET calls = calls + 1",
    ],
)
def test_hours_that_are_not_the_sum_of_their_lines_do_not_balance(edit):
    type_in("1", at=timezone.now())
    assert_sound()

    books.sql(edit)

    assert [f"{f.where}" for f in budgets.discrepancies(since=timezone.now())] != []
    assert any(found.where.startswith("hour of") for found in budgets.discrepancies())


def dearest_in_sql(span, limit=10):
    end = span.until or NOW + timedelta(days=10_000)
    return books.sql(
        "SELECT task_id, sum(cost_usd) FROM api_cost_tracking WHERE created_at > %s AND created_at <= %s"
        " AND task_id IS NOT NULL GROUP BY 1 HAVING sum(cost_usd) > 0 ORDER BY 2 DESC, 1 LIMIT %s",
        span.after, end, limit,
    )  # fmt: skip


@pytest.mark.parametrize("name", SPANS)
def test_the_dearest_tasks_are_those_of_the_ledger(ledger, name):
    found = costs.most_expensive_tasks(SPANS[name], limit=5)

    assert [(task.task_id, task.cost_usd) for task in found] == dearest_in_sql(SPANS[name], limit=5)


def test_tasks_that_were_dear_before_the_span_do_not_hide_those_that_are_dear_in_it():
    """More of them than a first look takes: each cost much yesterday and nearly nothing today."""
    for number in range(60):
        task = str(UUID(int=1000 + number))
        type_in(100 + number, at=NOW - timedelta(hours=30), task_id=task)
        type_in("0.000000001", at=NOW - timedelta(minutes=10), task_id=task)
    for number in range(3):
        type_in(number + 1, at=NOW - timedelta(minutes=20), task_id=str(UUID(int=number + 1)))
    span = costs.last(hours=24, now=NOW)

    found = costs.most_expensive_tasks(span, limit=3)

    assert [task.task_id.int for task in found] == [3, 2, 1]
    assert [(task.task_id, task.cost_usd) for task in found] == dearest_in_sql(span, limit=3)


def test_a_dear_task_is_named_as_long_as_it_exists():
    task = samples.submit(title="The report")
    type_in("1", at=NOW, task_id=str(task))

    assert [(t.title, t.task_type) for t in costs.most_expensive_tasks(costs.last(hours=1))] == [
        ("The report", "evaluation")
    ]
    Task.objects.all().delete()
    assert [(t.title, t.task_type) for t in costs.most_expensive_tasks(costs.last(hours=1))] == [
        (None, "evaluation")
    ]


def pace(scope, kind="day", now=NOW):
    return next(
        p for p in costs.estimate_burn_rates(now=now) if (p.standing.scope, p.standing.kind) == (scope, kind)
    )


def test_the_end_of_a_budget_is_told_at_the_faster_pace():
    now = NOW.replace(hour=12, minute=0)
    books.allow(daily_limit="10", fleet="1000")
    type_in("2", at=now - timedelta(minutes=50))
    type_in("1", at=now - timedelta(minutes=5))

    found = pace("ANALYST", now=now)

    assert (found.last_hour_usd, found.last_quarter_usd, found.per_hour_usd) == (3, 1, 4)
    assert found.runs_out_at == now + timedelta(hours=7 / 4)
    assert pace("FLEET", now=now).last_hour_usd == 3
    assert pace("FLEET", now=now).runs_out_at is None  # the day ends first
    assert pace("ANALYST", "month", now=now).runs_out_at is None  # there is no limit
    assert pace("EXECUTOR", now=now).per_hour_usd == 0


def test_paces_tell_what_budgets_say():
    books.allow(daily_limit="10")
    books.spend("1.25")

    found = {
        (p.standing.scope, p.standing.kind): p.standing for p in costs.estimate_burn_rates(now=timezone.now())
    }

    for standing in budgets.balance(books.WORKER):
        assert found[standing.scope, standing.kind] == standing


def test_sums_take_one_query_and_paces_two(ledger):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        costs.aggregate(costs.last(hours=24))
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as asked:
        costs.estimate_burn_rates()
    assert len(asked) == 2
    with CaptureQueriesContext(connection) as asked:
        costs.most_expensive_tasks(costs.last(hours=24), limit=3)
    assert len(asked) <= 3


def test_an_installation_that_is_updated_gets_the_summaries_of_its_ledger(ledger):
    task = samples.submit()
    type_in("1", at=NOW - timedelta(hours=3), task_id=str(task))
    before = (list(CostHour.objects.order_by("pk").values()), list(TaskCost.objects.order_by("pk").values()))
    books.sql("TRUNCATE cost_hours, task_costs")
    assert budgets.discrepancies() != []

    books.sql(import_module("governance.migrations.0014_cost_rollups").FILLED)

    after = (list(CostHour.objects.order_by("pk").values()), list(TaskCost.objects.order_by("pk").values()))
    assert after == before
    assert_sound()
