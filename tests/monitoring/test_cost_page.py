"""The page of costs: its figures are those of the selector and of the runbook's SQL, to the digit."""

import re
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance import budgets, costs
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import samples
from tests.governance.console import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PAGE, FIGURES = "/admin/costs/", "/admin/costs/figures/"


@pytest.fixture(autouse=True)
def ledger(transactional_db):
    """Odd digits of two workers over two days, a task among them."""
    enlist()
    books.allow(daily_limit="10", fleet="1000")
    task = samples.submit(title="The <dear> report")
    for number in range(1, 60):
        books.sql(
            "INSERT INTO api_cost_tracking"
            " (worker_id, service, model, price_source, cost_usd, task_id, created_at)"
            " VALUES (%s, 'openrouter', %s, %s, %s, %s, now() - %s * interval '47 min')",
            ("ANALYST", "EXECUTOR")[number % 2], f"model-{number % 3}",
            ("provider", "unpriced", "unknown", "expired")[number % 4],
            Decimal(number * 1_000_003).scaleb(-9),
            str(task) if number % 5 else None, number,
        )  # fmt: skip
    return task


@pytest.fixture
def viewer(client):
    client.force_login(person("view_costline"))
    return client


def found(pattern, response):
    match = re.search(pattern, response.content.decode(), re.DOTALL)
    assert match, pattern
    return match[1]


def shown(response, place):
    """The exact figure in the element of this id, or in the row of a table that names it."""
    return Decimal(found(place + r'.*?<data value="([^"]+)">', response))


@pytest.mark.parametrize("address", [PAGE, FIGURES])
def test_page_selector_and_runbook_say_the_same(viewer, address):
    response = viewer.get(address)

    [[runbook]] = books.sql(
        "SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'"
    )
    sums = costs.aggregate(costs.last(hours=24))
    assert shown(response, 'id="total"') == sums.total.cost_usd == runbook > 0
    assert shown(response, 'id="unpriced"') == sums.unpriced_usd > 0
    assert shown(response, 'id="unknown"') == sums.unknown_usd > 0
    for table in ("worker_id", "model", "service", "task_type"):
        for group in getattr(sums, f"by_{table}"):
            name = group.name or "not said"
            assert shown(response, f'id="by-{table}".*?>{name}</a>') == group.cost_usd
    for hour in sums.by_hour:
        assert shown(response, f'id="by-hour".*?{hour.hour:%Y-%m-%d %H:%M}</th>') == hour.cost_usd
    [most_expensive, *_] = costs.most_expensive_tasks(costs.last(hours=24))
    assert shown(response, f'id="most-expensive".*?{most_expensive.task_id}') == most_expensive.cost_usd


@pytest.mark.parametrize(("span", "hours"), [("1h", 1), ("24h", 24), ("7d", 168), ("30d", 720)])
def test_each_span_says_what_sql_says(viewer, span, hours):
    [[in_sql]] = books.sql(
        "SELECT coalesce(sum(cost_usd), 0) FROM api_cost_tracking"
        " WHERE created_at > now() - %s * interval '1 hour'", hours,
    )  # fmt: skip

    assert shown(viewer.get(PAGE, {"span": span}), 'id="total"') == in_sql > 0


def test_a_filter_in_the_address_binds_the_figures(viewer):
    response = viewer.get(PAGE, {"span": "30d", "worker_id": "ANALYST", "model": "model-1"})

    [[in_sql]] = books.sql(
        "SELECT sum(cost_usd) FROM api_cost_tracking WHERE worker_id = 'ANALYST' AND model = 'model-1'"
    )
    assert shown(response, 'id="total"') == in_sql
    # What is refreshed is what is shown.
    address = found(r'data-live="([^"]+)"', response).replace("&amp;", "&")
    assert shown(viewer.get(address), 'id="total"') == in_sql


def test_a_filter_that_finds_nothing_says_so_and_how_to_leave_it(viewer):
    text = viewer.get(PAGE, {"span": "7d", "worker_id": "<NOBODY>"}).content.decode()

    assert "Nothing was booked in this span by what is filtered" in text
    assert "?span=7d" in text
    assert "<NOBODY>" not in text


def test_an_unknown_span_is_said(viewer):
    assert "There is no span" in viewer.get(PAGE, {"span": "<9y>"}).content.decode()


def test_budgets_are_those_of_the_books(viewer):
    books.sql("INSERT INTO api_cost_tracking (worker_id, cost_usd) VALUES ('ANALYST', 0.125)")
    [standing] = [s for s in budgets.balance("ANALYST") if (s.scope, s.kind) == ("ANALYST", "day")]

    response = viewer.get(PAGE)

    assert shown(response, "ANALYST, day</strong>") == standing.spent_usd > 0
    assert shown(response, "ANALYST, day</strong>.*?>free ") == standing.free_usd
    assert shown(response, "ANALYST, day</strong>.*?jg-note.*?, overage ") == standing.overage_usd > 0


def test_an_installation_without_calls_says_so(viewer):
    books.sql("TRUNCATE api_cost_tracking, cost_hours, task_costs, budget_windows, budget_holds")

    text = viewer.get(PAGE).content.decode()

    assert "no worker made a call that costs" in text
    assert "No task cost anything" in text
    assert "nothing was spent in the last hour" in text


def test_deleted_tasks_and_markup_in_titles_do_no_harm(viewer, ledger):
    assert "The &lt;dear&gt; report" in viewer.get(PAGE).content.decode()
    books.sql("DELETE FROM governance_tasks")
    assert "<span>deleted</span>" in viewer.get(PAGE).content.decode()


def test_who_may_not_look_is_refused_by_page_and_fragment(client):
    assert client.get(PAGE).status_code == 302
    assert client.get(FIGURES).status_code == 403
    client.force_login(person("view_task"))
    assert client.get(PAGE).status_code == 403
    assert client.get(FIGURES).status_code == 403


def test_nothing_in_the_figures_is_a_script_or_a_style(viewer):
    text = viewer.get(FIGURES).content.decode()

    assert re.findall(r"<script|<style| style=| on[a-z]+=|javascript:", text) == []


def test_a_page_asks_as_much_of_a_long_ledger_as_of_a_short_one(viewer):
    viewer.get(FIGURES)
    with CaptureQueriesContext(connection) as asked:
        viewer.get(FIGURES, {"span": "30d"})

    about_money = [
        query["sql"] for query in asked if "auth" not in query["sql"] and "session" not in query["sql"]
    ]
    assert len(about_money) <= 6


def plan(statement):
    return "\n".join(row[0] for row in books.sql("EXPLAIN " + statement))


def test_no_question_reads_the_whole_ledger(viewer):
    """With statistics of a ledger that is long compared with any span's edges."""
    books.sql("ALTER TABLE api_cost_tracking DISABLE TRIGGER ALL")
    try:
        books.sql(
            "INSERT INTO api_cost_tracking (worker_id, cost_usd, hold_id, task_id, created_at)"
            " SELECT 'ANALYST', 0.01, gen_random_uuid(), %s::uuid, now() - n * interval '20 s'"
            " FROM generate_series(1, 130000) n",
            str(UUID(int=5)),
        )
    finally:
        books.sql("ALTER TABLE api_cost_tracking ENABLE TRIGGER ALL")
    books.sql("ANALYZE api_cost_tracking")
    with CaptureQueriesContext(connection) as asked:
        viewer.get(FIGURES, {"span": "30d"})
    of_ledger = [query["sql"] for query in asked if "api_cost_tracking" in query["sql"]]
    assert of_ledger

    plans = [plan(statement.replace("%", "%%")) for statement in of_ledger]

    assert [found for found in plans if "Seq Scan on api_cost_tracking" in found] == []


def test_the_hour_of_now_is_still_read_when_lines_lie_ahead(viewer):
    """As in the runbook's query, which has no end."""
    books.sql(
        "INSERT INTO api_cost_tracking (worker_id, cost_usd, created_at) VALUES ('ANALYST', 5, %s)",
        timezone.now() + timedelta(hours=2),
    )

    [[runbook]] = books.sql(
        "SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'"
    )
    assert shown(viewer.get(PAGE), 'id="total"') == runbook
