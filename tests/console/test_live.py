"""Lists, pages and the overview refresh themselves, and leave alone what somebody is at."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from governance.models import Task
from governance.tasks import services as tasks
from tests.console.test_dashboards import hide
from tests.governance.console import SEED, complete, submit

pytestmark = [pytest.mark.console, pytest.mark.slow]
TASKS = "/admin/governance/task/"


def row(page, task_id):
    return page.locator(f"tr[data-key='{task_id}']")


def test_a_new_task_appears_in_the_list_and_changes_before_the_eyes(open_page):
    first = submit("the first")
    page = open_page()
    page.goto(TASKS)
    expect(row(page, first)).to_contain_text("pending")

    second = submit("the second")
    complete(first)

    expect(row(page, second)).to_contain_text("the second")
    expect(row(page, first)).to_contain_text("completed")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("the second")
    expect(page.locator("#live-status")).to_have_text(re.compile("Refreshed"))


def test_a_row_that_the_filter_does_not_show_any_more_goes(open_page):
    task_id = submit("waits")
    page = open_page()
    page.goto(f"{TASKS}?status=pending")
    expect(row(page, task_id)).to_be_visible()

    tasks.cancel([task_id], actor=SEED, reason="not needed")

    expect(page.get_by_role("heading", name="No task matches")).to_be_visible()


def test_what_is_selected_stays_where_it_is_while_others_come(open_page):
    chosen, other = submit("chosen"), submit("other")
    page = open_page()
    page.goto(TASKS)
    row(page, chosen).locator("input.action-select").check()
    expect(page.get_by_text("1 selected")).to_be_visible()

    tasks.terminate([other], actor=SEED, reason="meanwhile")
    late = submit("late")

    expect(row(page, other)).to_contain_text("failed")
    expect(row(page, late)).to_have_count(0)
    expect(row(page, chosen).locator("input.action-select")).to_be_checked()
    page.get_by_role("button", name="Clear selection").click()
    expect(row(page, late)).to_be_visible()


def test_words_that_are_typed_menus_that_are_open_and_the_place_stay(open_page):
    Task.objects.bulk_create(Task(title=f"task {n}", task_type="evaluation") for n in range(45))
    page = open_page()
    page.goto(TASKS)
    page.get_by_role("searchbox").fill("half a wo")
    page.locator("details.jg-filter summary", has_text="Status").click()
    page.evaluate("window.scrollTo(0, 700)")
    newest = submit("newest")

    expect(row(page, newest)).to_have_count(1)

    expect(page.get_by_role("searchbox")).to_have_value("half a wo")
    expect(page.get_by_role("link", name="waiting approval")).to_be_visible()
    assert page.evaluate("window.scrollY") >= 600


def test_the_page_of_a_task_follows_it_and_keeps_what_is_marked_and_unfolded(open_page):
    task_id = submit("watched")
    page = open_page(superuser=True)
    page.goto(f"{TASKS}{task_id}/change/")
    expect(page.get_by_text("Why is it not running?")).to_be_visible()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.jg-json'))")

    complete(task_id)

    expect(page.get_by_text("Why is it not running?")).to_have_count(0)
    expect(page.locator(".jg-run")).to_contain_text("completed")
    assert "metric_value" in page.evaluate("getSelection().toString()")
    expect(page.get_by_role("link", name="Terminate")).to_have_count(0)


def test_the_numbers_of_the_overview_follow_what_happens(open_page):
    page = open_page()
    page.goto("/admin/")
    expect(page.get_by_role("link", name="0 pending", exact=True)).to_be_visible()

    submit("one more", run_after="2100-01-01T00:00:00Z")

    expect(page.get_by_role("link", name="1 pending", exact=True)).to_be_visible()


def test_a_list_in_a_hidden_tab_asks_nothing(open_page):
    page = open_page()
    page.clock.install(time=timezone.now())
    page.goto(TASKS)
    asked = []
    page.on("request", lambda request: asked.extend([request.url] if TASKS in request.url else []))
    hide(page, True)
    task_id = submit("unseen")

    page.clock.fast_forward(120_000)
    assert asked == []
    hide(page, False)

    expect(row(page, task_id)).to_be_visible()


def test_refreshing_can_be_paused(open_page):
    page = open_page()
    page.clock.install(time=timezone.now())
    page.goto(TASKS)
    page.get_by_role("button", name="Pause the refreshing").click()
    asked = []
    page.on("request", lambda request: asked.extend([request.url] if TASKS in request.url else []))
    task_id = submit("later")

    page.clock.fast_forward(60_000)
    assert asked == []
    expect(page.locator("#live-status")).to_contain_text("Paused")
    page.get_by_role("button", name="Go on refreshing").click()

    expect(row(page, task_id)).to_be_visible()


@pytest.mark.parametrize(
    ("status", "words"),
    [(503, "the database does not answer"), (418, "the server answered 418"), (403, "you are not logged in")],
)
def test_a_list_that_cannot_be_refreshed_says_why_and_keeps_its_rows(open_page, status, words):
    task_id = submit("stays")
    page = open_page()
    page.goto(TASKS)
    page.route(f"**{TASKS}", lambda route: route.fulfill(status=status, headers={"X-Made-Up": "1"}))

    expect(page.locator("#live-status")).to_contain_text(f"Not refreshed: {words}")
    expect(page.get_by_role("status").filter(has_text="Not refreshed")).to_have_count(1)
    expect(row(page, task_id)).to_contain_text("stays")
    page.unroute(f"**{TASKS}")
    tasks.cancel([task_id], actor=SEED, reason="not needed")

    expect(row(page, task_id)).to_contain_text("cancelled")
    expect(page.locator("#live-status")).to_have_text(re.compile("^Refreshed"))


def test_a_list_says_when_its_session_has_ended(open_page):
    page = open_page()
    page.goto(TASKS)

    page.context.clear_cookies()

    expect(page.locator("#live-status")).to_contain_text("you are not logged in any more")
