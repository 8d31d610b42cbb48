"""What an operator does in the console, in a browser."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from governance.models import Task, WorkerProcess
from governance.tasks import services as tasks
from tests.governance.console import SEED, complete, status, submit

pytestmark = [pytest.mark.console, pytest.mark.slow]
TASKS = "/admin/governance/task/"


@pytest.fixture
def some_work(open_page):
    """Tasks in several states, one of them with a long error and no blanks to break it at."""
    done, failed, waiting = (
        submit("Done"),
        submit("Failed"),
        submit("Waiting", run_after="2100-01-01T00:00:00Z"),
    )
    complete(done)
    tasks.terminate([failed], actor=SEED, reason="x" * 300)
    WorkerProcess.objects.create(worker_ids=["EXECUTOR"], host="here", pid=1)
    return {"done": done, "failed": failed, "waiting": waiting}


def test_logging_in_leads_to_the_overview_and_from_there_to_the_tasks(open_page, live_server, some_work):
    User.objects.create_superuser("ada", password="correct horse")
    page = open_page()
    page.context.clear_cookies()

    page.goto("/admin/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", "correct horse")
    page.click("button[type=submit]")
    expect(page.get_by_label("Health")).to_contain_text("Database ok")
    page.get_by_role("link", name="Tasks").first.click()

    expect(page.locator("#result_list")).to_contain_text("Waiting")


def test_a_task_s_page_shows_why_it_waits_and_what_happened(open_page, some_work):
    page = open_page()

    page.goto(TASKS)
    page.get_by_text("Waiting", exact=True).click()

    expect(page.get_by_text("Why is it not running?")).to_be_visible()
    expect(page.locator(".jg-timeline")).to_contain_text("by command:test")


def test_chosen_tasks_are_terminated_after_a_reason_is_given(open_page):
    ids = [submit(f"task {number}") for number in range(3)]
    page = open_page()

    page.goto(TASKS)
    for task_id in ids[:2]:
        page.locator(f"input.action-select[value='{task_id}']").check()
    page.get_by_role("button", name="Terminate…").click()
    page.get_by_label("Reason").fill("stuck")
    page.get_by_role("button", name="Terminate").click()

    expect(page.get_by_text("Terminated 2 tasks.")).to_be_visible()
    assert sorted(map(status, ids)) == ["failed", "failed", "pending"]


def test_all_tasks_that_a_search_finds_are_cancelled_across_pages(open_page):
    Task.objects.bulk_create(Task(title="old batch", task_type="evaluation") for _ in range(60))
    kept = submit("other")
    page = open_page()

    page.goto(f"{TASKS}?q=old+batch")
    page.locator("#action-toggle").check()
    expect(page.get_by_text("50 selected")).to_be_visible()
    page.get_by_role("button", name="Select all 60 that match").click()
    expect(page.get_by_text("All 60 that match are selected")).to_be_visible()
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("heading", name="Cancel 60 tasks?")).to_be_visible()
    expect(page.get_by_text("All that match your filter: 60")).to_be_visible()
    page.get_by_label("Reason").fill("superseded")
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Cancelled 60 tasks.")).to_be_visible()
    assert Task.objects.filter(status="cancelled").count() == 60
    assert status(kept) == "pending"


def test_the_button_of_a_failed_task_retries_it(open_page, some_work):
    page = open_page()

    page.goto(f"{TASKS}{some_work['failed']}/change/")
    page.get_by_role("link", name="Retry").click()
    page.get_by_role("button", name="Retry").click()

    expect(page.get_by_text("Retried 1 task.")).to_be_visible()
    assert status(some_work["failed"]) == "pending"


def test_who_may_only_look_is_offered_nothing_to_do(open_page, some_work):
    page = open_page("view_task")

    page.goto(TASKS)
    expect(page.locator("#result_list")).to_contain_text("Waiting")
    expect(page.locator("input.action-select")).to_have_count(0)
    page.goto(f"{TASKS}{some_work['waiting']}/change/")

    expect(page.locator(".jg-timeline")).to_be_visible()
    expect(page.get_by_role("link", name="Terminate")).to_have_count(0)
