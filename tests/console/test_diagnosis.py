"""The page of the diagnosis in a browser: at every size and theme, and a remedy carried out by its button."""

import pytest
from playwright.sync_api import expect

from governance.models import Worker
from tests.fleet import enlist
from tests.monitoring import incidents

PAGE = "/admin/diagnosis/"
MAY = (
    "view_worker",
    "change_worker",
    "view_fleet",
    "pause_fleet",
    "view_workerbudget",
    "change_workerbudget",
)


@pytest.fixture
def trouble(transactional_db):
    """A paused worker with work, a paused fleet, a budget that is used up, and dead letters."""
    enlist()
    incidents.pause_worker()
    incidents.pause_fleet()
    incidents._used_up()
    incidents._pile()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_everything_fits_the_window(open_page, trouble, size, theme):
    page = open_page(*MAY, size=size, theme=theme)

    page.goto(PAGE)

    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    expect(page.get_by_text("python manage.py resume --fleet")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_button_leads_to_the_page_that_asks_and_mends_it(open_page, trouble):
    page = open_page(*MAY)
    page.goto(f"{PAGE}?section=workers")

    page.get_by_role("button", name="Resume ANALYST").click()
    page.get_by_label("Reason").fill("looked at it")
    page.get_by_role("button", name="Resume", exact=True).click()

    expect(page.get_by_text("Resumed 1 worker.")).to_be_visible()
    assert Worker.objects.get(pk="ANALYST").status == "active"
