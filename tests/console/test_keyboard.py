"""The console without a mouse, and without much room."""

import pytest
from playwright.sync_api import expect

from tests.governance.console import submit

pytestmark = [pytest.mark.console, pytest.mark.slow]
TASKS = "/admin/governance/task/"


def test_the_first_stop_of_a_page_skips_to_its_content(open_page):
    page = open_page()
    page.goto(TASKS)

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#content")).to_be_focused()


def test_a_slash_leads_to_the_search_and_enter_searches(open_page):
    submit("needle"), submit("hay")
    page = open_page()
    page.goto(TASKS)

    page.keyboard.press("/")
    page.keyboard.type("needle")
    page.keyboard.press("Enter")

    page.wait_for_url("**/?q=needle*")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def test_a_filter_is_chosen_and_closed_by_keys(open_page):
    submit("waits")
    page = open_page()
    page.goto(TASKS)
    menu = page.locator("details.jg-filter", has_text="Status")

    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("link", name="failed")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="failed")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    menu.get_by_role("link", name="failed").focus()
    page.keyboard.press("Enter")

    page.wait_for_url("**/?status=failed")
    expect(page.get_by_role("heading", name="No task matches")).to_be_visible()


def test_rows_are_selected_and_acted_on_by_keys(open_page):
    task_id = submit("ends")
    page = open_page()
    page.goto(TASKS)

    page.locator("input.action-select").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Cancel…").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cancel 1 task?")).to_be_visible()
    page.keyboard.type("superseded")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Cancelled 1 task.")).to_be_visible()
    expect(page.locator(f"tr[data-key='{task_id}']")).to_contain_text("cancelled")


def test_shift_selects_all_between(open_page):
    for number in range(4):
        submit(f"task {number}")
    page = open_page()
    page.goto(TASKS)
    boxes = page.locator("input.action-select")

    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])

    expect(page.get_by_text("3 selected")).to_be_visible()


def test_the_navigation_opens_and_closes_where_there_is_no_room_for_it(open_page):
    page = open_page(size="narrow")
    page.goto(TASKS)
    entry = page.get_by_role("link", name="Workers", exact=True)
    expect(entry).to_be_hidden()

    page.get_by_role("button", name="Show or hide the navigation").click()
    expect(entry).to_be_visible()
    page.keyboard.press("Escape")
    expect(entry).to_be_hidden()
    page.get_by_role("button", name="Show or hide the navigation").click()
    entry.click()

    page.wait_for_url("**/governance/worker/")


def test_the_theme_is_chosen_and_kept(open_page):
    page = open_page()
    page.goto(TASKS)

    page.locator(".jg-user summary").click()
    page.get_by_role("button", name="Dark").click()
    page.goto("/admin/governance/worker/")

    assert page.evaluate("document.documentElement.classList.contains('dark')")


def test_an_id_is_copied(open_page):
    task_id = submit("copied")
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{TASKS}{task_id}/change/")

    page.get_by_role("button", name=f"Copy {task_id}").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == str(task_id)
