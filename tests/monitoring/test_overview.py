"""The overview: every number leads to the list that it counts."""

import pytest
from django.utils import timezone

from governance.access import approvals, permissions
from governance.tasks import services as tasks
from juggernaut.console.dashboards import overview_page
from reliability.breakers.models import CircuitBreaker
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance.console import SEED, person, run, submit
from tests.reliability.letters import dead

pytestmark = pytest.mark.django_db(transaction=True)

SEES = (
    "view_task", "view_deadletter", "view_failuresignature", "view_approval", "view_workerbudget",
    "view_auditentry", "reliability.view_circuitbreaker",
)  # fmt: skip


@pytest.fixture
def busy(transactional_db):
    """Two of each thing that is counted, and one of each that is not."""
    enlist()
    for _ in range(2):
        dead("boom"), submit("waits", run_after="2100-01-01T00:00:00Z")
        tasks.terminate([submit("ends")], actor=SEED, reason="too long")
    dead("crash")
    tasks.cancel([submit("not needed")], actor=SEED, reason="superseded")
    run(submit("runs"))
    permissions.grant("ANALYST", "mail.send", actor=SEED, requires_approval=True)
    for number in range(2):
        approvals.require("ANALYST", "mail.send", {"number": number})
    books.allow(daily_limit="10", fleet="1000")
    books.spend("8.5")
    CircuitBreaker.objects.create(name="down", state="open", opened_at=timezone.now())
    CircuitBreaker.objects.create(name="up")


def numbers(response):
    known = response.context
    return {number.name: number for number in (*known["waiting"], *known["work"])}


def test_each_number_is_that_of_the_list_it_leads_to(client, busy):
    client.force_login(person(*SEES))

    found = numbers(client.get("/admin/"))

    assert {name: number.count for name, number in found.items()} == {
        "open dead letters": 3, "kinds of failure": 2, "calls wait for approval": 2,
        "breakers refuse calls": 1,
        "budgets at 80 % or more": 1, "pending": 2, "in progress": 1, "parked": 0,
        "failed, created in the last 24 hours": 5,
    }  # fmt: skip
    for name, number in found.items():
        listed = client.get(number.address).context
        count = listed["refusing"] if "cards" in listed else listed["cl"].result_count
        assert count == number.count, name


def test_what_may_not_be_seen_is_not_counted(client, busy):
    client.force_login(person("view_task"))

    page = client.get("/admin/")

    assert set(numbers(page)) == {
        "pending", "in progress", "parked", "failed, created in the last 24 hours",
    }  # fmt: skip
    assert "dead letter" not in page.content.decode()


def test_it_shows_what_runs_what_fails_and_what_was_changed_last(client, busy):
    client.force_login(person(*SEES))

    page = client.get("/admin/").content.decode()

    assert "crash" in page
    assert "permission.grant" in page
    assert ">runs</a>" in page


def test_it_asks_a_fixed_number_of_questions(client, busy, django_assert_max_num_queries):
    client.force_login(person(*SEES))

    with django_assert_max_num_queries(22):
        client.get("/admin/")


def test_a_number_that_was_cut_says_so():
    many = overview_page.Number("pending", 10_000, "/")

    assert many.said == "10,000+"
