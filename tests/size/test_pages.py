"""No page of the console and no GET of the API reads a big table from front to back, whatever is asked."""

import re

import pytest
from django.db import connection

from benchmarks import addresses, dead_letters
from tests.size import plans

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(scope="package")
def browser(grown):
    return dead_letters.client()


@pytest.fixture(scope="package")
def pages(grown, browser):
    """Every address that shows something, with the statements that it took."""
    asked = [*addresses.console(browser), *addresses.api(browser)]
    found = {address: statements_of(browser, address) for address in asked}
    return {address: statements for address, statements in found.items() if statements is not None}


def statements_of(browser, address):
    asked = plans.Asked()
    with connection.execute_wrapper(asked):
        answer = browser.get(address)
    assert answer.status_code < 500, address
    return asked.statements if answer.status_code == 200 else None


def test_every_list_page_and_resource_is_among_them(pages):
    assert len(pages) > 300
    assert {
        "/admin/",
        "/admin/costs/",
        "/admin/breakers/",
        "/api/tasks",
        "/api/dlq",
        "/api/tool-executions",
        "/api/costs/lines",
        "/api/tasks?assigned_worker=nothing-has-this",
    } <= set(pages)
    from django.contrib import admin

    for model in admin.site._registry:
        assert f"/admin/{model._meta.app_label}/{model._meta.model_name}/" in pages


def test_none_reads_a_big_table_from_front_to_back(pages):
    big = plans.big_tables()
    assert {"governance_tasks", "api_cost_tracking", "tool_executions", "dead_letter_queue"} <= set(big)

    found = {}
    for address, statements in pages.items():
        if scans := plans.whole_scans(statements, big):
            found[address] = scans

    told = "\n".join(f"{address}\n    {scan[:300]}" for address, scans in found.items() for scan in scans)
    assert not told, told


# The most statements that a page may take: whoever adds one says so here. Pages of the console also ask who
# looks, how many calls wait for approval, and how the fleet stands.
MOST = {
    r"^/api/": 6,
    r"^/admin/governance/task/.+/change/": 22,
    # It asks every gate what it would say.
    r"^/admin/governance/toolpermission/.+/change/": 30,
    r"^/admin/$": 16,
    r"^/admin/": 12,
}


def test_none_asks_more_often_than_it_has_to(pages):
    def most(address):
        return next((count for where, count in MOST.items() if re.search(where, address)), 12)

    found = {address: len(asked) for address, asked in pages.items() if len(asked) > most(address)}

    assert found == {}
