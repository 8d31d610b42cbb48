"""An operator's day in the console, with a whole machine behind it: real workers, real watchdog."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.console, pytest.mark.slow]

PASSWORD = "correct horse battery staple"
LETTERS = 7
PATIENCE_MILLISECONDS = 60_000


@pytest.fixture
def page(machine, chromium):
    """The console of a machine with workers, somebody logged in."""
    machine.environment["JUGGERNAUT_TASK_TYPES"] = "tests.console.task_types"
    machine.start()
    machine.await_running()
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=machine.url)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    opened = context.new_page()
    errors = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto("/admin/")
    opened.fill("#id_username", "admin")
    opened.fill("#id_password", PASSWORD)
    opened.click("button[type=submit]")
    yield opened
    context.close()
    assert errors == []


def go(page, section, tab=""):
    """By the navigation, as a person would."""
    page.locator("#nav-sections").get_by_role("link", name=re.compile(f"^{section}")).click()
    if tab:
        page.get_by_label("Pages of this section").get_by_role("link", name=tab, exact=True).click()


def confirm(page, button, reason):
    page.get_by_label(re.compile("^Reason")).fill(reason)
    page.get_by_role("button", name=button, exact=True).click()


def submit(page, title, kind=None, payload=None):
    go(page, "Tasks")
    page.get_by_role("link", name="Submit a task").click()
    if kind:
        page.get_by_label("Type", exact=True).select_option(kind)
        page.get_by_label("Payload", exact=True).fill(json.dumps(payload))
    page.get_by_label("Title", exact=True).fill(title)
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def state(page):
    return page.get_by_label("State").locator(".jg-badge").first


def test_an_operator_s_day(page, machine, tmp_path):
    key = tmp_path / "key"
    a_task_is_submitted_and_watched_until_it_completes(page)
    one_that_runs_too_long_is_terminated(page, key)
    failures_are_understood_and_redriven_with_a_canary(page, machine, key)
    a_budget_is_halved(page)
    a_call_is_approved_and_its_task_goes_on(page, machine)
    a_breaker_is_forced_open_and_reset(page)
    the_audit_tells_all_of_it(page)


def a_task_is_submitted_and_watched_until_it_completes(page):
    submit(page, "Success rate of the night")

    expect(state(page)).to_have_text("completed")
    expect(page.locator(".jg-run")).to_contain_text("Attempt 1")
    expect(page.locator(".jg-json").first).to_contain_text('"passed": true')


def one_that_runs_too_long_is_terminated(page, key):
    submit(page, "At the call pipeline", "wait_at_door", {"key": str(key)})
    expect(state(page)).to_have_text("in progress")

    page.get_by_role("link", name="Terminate").click()
    confirm(page, "Terminate", "nobody comes")

    expect(page.get_by_text("Terminated 1 task.")).to_be_visible()
    expect(state(page)).to_have_text("failed")
    expect(page.locator(".jg-run").first).to_contain_text("nobody comes")


def failures_are_understood_and_redriven_with_a_canary(page, machine, key):
    door = {"task_type": "open_door", "payload": {"key": str(key)}}
    tasks = [{**door, "title": f"Door {number}"} for number in range(LETTERS)]
    asked = key.with_name("tasks.json")
    asked.write_text(json.dumps(tasks))
    assert machine.command("submit_task", "--file", str(asked)).returncode == 0
    go(page, "Overview")
    expect(page.get_by_role("link", name=f"{LETTERS} open dead letters")).to_be_visible()

    page.get_by_role("link", name="1 kinds of failure").click()
    page.get_by_text("the credentials of the call pipeline have expired").first.click()
    expect(page.get_by_text(f"{LETTERS} in all")).to_be_visible()
    key.touch()
    page.get_by_role("link", name="Retry all").click()
    expect(page.get_by_role("heading", name=f"{LETTERS} dead letters would be retried")).to_be_visible()
    confirm(page, "Start", "the credentials were renewed")

    expect(page.get_by_role("link", name=f"{LETTERS} succeeded")).to_be_visible()
    expect(state_of_redrive(page)).to_have_text("completed")
    go(page, "Overview")
    expect(page.get_by_role("link", name="0 open dead letters")).to_be_visible()


def state_of_redrive(page):
    return page.get_by_label("Progress").locator(".jg-badge").first


def a_budget_is_halved(page):
    go(page, "Budgets")
    page.locator("#result_list").get_by_role("link", name="ANALYST").click()
    page.get_by_role("link", name="Halve limits").click()
    confirm(page, "Halve limits", "it spends too much")

    expect(page.get_by_text("Halved the limits of ANALYST.")).to_be_visible()
    expect(page.get_by_label("State")).to_contain_text("free of $5.00")


def a_call_is_approved_and_its_task_goes_on(page, machine):
    machine.command("grant", "EXECUTOR", "files.write", "--requires-approval", "--reason", "look first")
    arguments = {"path": "note.txt", "content": "hello"}
    submit(page, "Writes a note", "tool_execution", {"tool_name": "files.write", "arguments": arguments})
    expect(state(page)).to_have_text("waiting approval")
    task = page.url

    go(page, "Approvals")
    page.locator("#result_list").get_by_role("link", name="files.write").click()
    page.get_by_role("link", name="Approve").click()
    confirm(page, "Approve", "it is only a note")
    expect(page.get_by_text("Approved 1 call.")).to_be_visible()

    page.goto(task)
    expect(state(page)).to_have_text("completed")
    expect(page.locator(".jg-card", has_text="Approvals").last).to_contain_text("it is only a note")


def a_breaker_is_forced_open_and_reset(page):
    go(page, "Breakers")
    card = page.get_by_role("region", name="openrouter", exact=True)
    card.get_by_role("link", name="Force open").click()
    confirm(page, "Force open", "their status page is red")
    expect(card.locator(".jg-badge").first).to_have_text("forced open")

    card.get_by_role("link", name="Restore").click()
    confirm(page, "Restore", "it is green again")
    card.get_by_role("link", name="Reset").click()
    confirm(page, "Reset", "and nothing is left of it")

    expect(page.get_by_text("The breaker openrouter is closed.")).to_be_visible()
    expect(card.locator(".jg-badge").first).to_have_text("closed")


def the_audit_tells_all_of_it(page):
    go(page, "Audit")

    for reason in (
        "it spends too much",
        "look first",
        "it is only a note",
        "their status page is red",
        "it is green again",
        "and nothing is left of it",
    ):
        expect(page.locator("#result_list")).to_contain_text(reason)
