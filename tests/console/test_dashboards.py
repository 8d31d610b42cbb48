"""What an operator sees of money and breakers in a browser, and how the pages stay fresh."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from playwright.sync_api import expect

from reliability import breakers
from reliability.breakers import client as gate
from reliability.breakers import status
from reliability.breakers.models import CircuitBreaker
from tests.fleet import enlist
from tests.governance import budgets as books

pytestmark = [pytest.mark.console, pytest.mark.slow]

COSTS, BREAKERS = "/admin/costs/", "/admin/breakers/"


@pytest.fixture
def money(open_page):
    enlist()
    books.allow(daily_limit="10", fleet="100")
    book("1.25")


@pytest.fixture
def breaker(open_page):
    gate.close()
    name = f"service-{uuid4().hex}"
    CircuitBreaker.objects.create(name=name, failure_threshold=3)
    breakers.record(breakers.acquire(name), breakers.SUCCESS)
    yield name
    gate.close()


def book(usd, model="model-1"):
    books.sql(
        "INSERT INTO api_cost_tracking (worker_id, service, model, cost_usd, task_id)"
        " VALUES ('ANALYST', 'openrouter', %s, %s, gen_random_uuid())", model, usd,
    )  # fmt: skip


@pytest.fixture
def open_breakers(open_page):
    """Opens pages as somebody who may look at breakers and change them."""
    from django.contrib.auth.models import User

    def open_as(**how):
        page = open_page("view_task", "view_costline", **how)
        User.objects.latest("pk").user_permissions.add(
            *Permission.objects.filter(content_type__model="circuitbreaker")
        )
        return page

    return open_as


def hide(page, hidden):
    """The tab goes into the background, as far as its scripts can tell."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) }", hidden,
    )  # fmt: skip


def test_the_page_of_costs_refreshes_itself_and_leaves_alone_what_is_unfolded(open_page, money):
    page = open_page("view_costline", "view_task")
    page.goto(COSTS)
    expect(page.locator("#total")).to_have_text("$1.25")
    page.get_by_text("The same as a table").click()

    book("0.000000001")

    expect(page.locator("#total")).to_have_text("$1.250000001")
    expect(page.locator("#by-hour")).to_be_visible()
    expect(page.locator("#live-status")).to_contain_text("Refreshed")


def test_a_hidden_page_asks_nothing_until_it_is_looked_at(open_page, money):
    page = open_page("view_costline")
    page.clock.install(time=timezone.now())
    page.goto(COSTS)
    asked = []
    page.on("request", lambda request: asked.extend([request.url] if "/figures/" in request.url else []))
    hide(page, True)
    book("1")

    page.clock.fast_forward(60_000)
    assert asked == []
    expect(page.locator("#total")).to_have_text("$1.25")
    hide(page, False)

    expect(page.locator("#total")).to_have_text("$2.25")


def test_a_page_that_cannot_be_refreshed_says_so_and_recovers(open_page, money):
    page = open_page("view_costline")
    page.goto(COSTS)
    page.route("**/figures/**", lambda route: route.fulfill(status=418, body="<b>no</b>"))

    expect(page.locator("#live-status")).to_contain_text("Not refreshed: the server answered 418")
    expect(page.locator("#total")).to_have_text("$1.25")
    page.unroute("**/figures/**")
    book("1")

    expect(page.locator("#total")).to_have_text("$2.25")
    expect(page.locator("#live-status")).not_to_contain_text("Not refreshed")


def test_a_page_says_when_its_session_has_ended(open_page, money):
    page = open_page("view_costline")
    page.goto(COSTS)

    page.context.clear_cookies()

    expect(page.locator("#live-status")).to_contain_text("you are not logged in any more")


def test_costs_are_filtered_by_a_click_and_the_filter_taken_away_again(open_page, money):
    book("3", model="model-2")
    page = open_page("view_costline")
    page.goto(f"{COSTS}?span=7d")

    page.get_by_role("link", name="model-2").click()
    expect(page.locator("#total")).to_have_text("$3.00")
    expect(page).to_have_url(re.compile("span=7d&model=model-2"))
    page.get_by_role("link", name="Model: model-2 ×").click()

    expect(page.locator("#total")).to_have_text("$4.25")


def test_a_breaker_opens_before_the_eyes_of_the_operator_who_resets_it(open_breakers, breaker):
    page = open_breakers()
    page.goto(BREAKERS)
    card = page.get_by_role("region", name=breaker)
    expect(card.locator(".jg-badge")).to_have_text("closed")

    for _ in range(3):
        breakers.record(breakers.acquire(breaker), breakers.FAILURE)
    expect(card.locator(".jg-badge")).to_have_text("open")
    expect(card.locator("time[data-until]")).to_have_text(re.compile(r"in \d+ s|now"))
    card.get_by_role("link", name="Reset").click()
    page.get_by_label("Reason").fill("they are back")
    page.get_by_role("button", name="Reset").click()

    expect(page.get_by_text(f"The breaker {breaker} is closed.")).to_be_visible()
    assert status.of_all()[breaker]["state"] == "closed"


def test_a_breaker_is_disabled_for_a_while_and_restored(open_breakers, breaker):
    page = open_breakers()
    page.goto(BREAKERS)

    page.get_by_role("region", name=breaker).get_by_role("link", name="Disable until").click()
    page.get_by_label("Reason").fill("we know better")
    page.get_by_label("For so many minutes").fill("10")
    page.get_by_role("button", name="Disable").click()
    card = page.get_by_role("region", name=breaker)
    expect(card).to_contain_text("we know better. Until")
    assert status.of_all()[breaker]["mode"] == "disabled"
    card.get_by_role("link", name="Restore").click()
    page.get_by_label("Reason").fill("enough")
    page.get_by_role("button", name="Restore").click()

    expect(page.get_by_role("region", name=breaker)).not_to_contain_text("we know better")
    assert status.of_all()[breaker]["mode"] == "normal"


def test_the_overview_leads_to_the_breakers_that_refuse(open_breakers, money, breaker):
    page = open_breakers()
    for _ in range(3):
        breakers.record(breakers.acquire(breaker), breakers.FAILURE)

    page.goto("/admin/")
    page.get_by_role("link", name="1 breakers refuse calls").click()

    expect(page.get_by_role("region", name=breaker)).to_be_visible()
