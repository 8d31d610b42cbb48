"""What an operator does with failures in the console, in a browser."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from governance.models import DeadLetter
from reliability import redrives
from reliability.dead_letters import filters
from reliability.models import Redrive
from tests.governance.console import SEED
from tests.reliability.console import GROUPS, LETTERS, OPERATOR, REDRIVES, status
from tests.reliability.letters import dead, run

pytestmark = [pytest.mark.console, pytest.mark.slow]
ERROR = "connection reset by peer while reading https://example.com/items/{}"


@pytest.fixture
def failures(open_page):
    """Eight tasks that failed alike, and one with a long error that has no blanks to break it at."""
    alike = [dead(ERROR.format(number), task_type="tool_execution") for number in range(8)]
    return [*alike, dead("x" * 300)]


def finish_what_was_handed_over(now):
    """The workers complete what the redrive has handed over, and the watchdog takes a step."""
    run(*DeadLetter.objects.filter(status="retrying"))
    redrives.advance(now)


def test_a_group_is_understood_retried_with_a_canary_and_seen_resolved(open_page, failures):
    *alike, other = failures
    page = open_page(*OPERATOR)

    page.goto("/admin/")
    page.get_by_role("link", name="2 kinds of failure").click()
    page.get_by_text("connection reset by peer while reading <url>").click()
    expect(page.get_by_text("8 in the last 24 h, at most 8 in one hour; 8 in all")).to_be_visible()
    expect(page.locator(".jg-timeline")).to_contain_text("https://example.com/items/7")

    page.get_by_role("link", name="Retry all").click()
    expect(page.get_by_role("heading", name="8 dead letters would be retried")).to_be_visible()
    expect(page.get_by_text("tries 1, then 5, then 8")).to_be_visible()
    page.get_by_label("Reason").fill("the network was mended")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Started: 8 to retry.")).to_be_visible()
    expect(page.get_by_role("link", name="1 handed over")).to_be_visible()

    now = timezone.now()
    finish_what_was_handed_over(now + timedelta(seconds=5))
    expect(page.get_by_role("link", name="1 succeeded")).to_be_visible()
    finish_what_was_handed_over(now + timedelta(seconds=10))
    expect(page.get_by_role("link", name="5 succeeded")).to_be_visible()
    finish_what_was_handed_over(now + timedelta(seconds=15))

    # The page came to its end by itself, buttons and all.
    expect(page.locator(".jg-badge", has_text="completed")).to_be_visible()
    expect(page.get_by_role("link", name="8 succeeded")).to_be_visible()
    expect(page.get_by_role("link", name="Abort")).to_have_count(0)
    assert {status(letter) for letter in alike} == {"resolved"}
    assert status(other) == "pending"
    page.goto(GROUPS)
    expect(page.locator("#result_list")).not_to_contain_text("connection reset")


def test_all_letters_that_a_search_finds_become_a_redrive(open_page):
    letters = [dead(ERROR.format(number)) for number in range(60)]
    page = open_page(*OPERATOR)

    page.goto(f"{LETTERS}?q=connection+reset")
    page.locator("#action-toggle").check()
    page.get_by_role("button", name="Select all 60 that match").click()
    page.get_by_role("button", name="Retry…").click()
    expect(page.get_by_role("heading", name="60 dead letters would be retried")).to_be_visible()
    page.get_by_label("Reason").fill("mended")
    page.get_by_role("button", name="Start").click()

    expect(page.get_by_text("Started: 60 to retry.")).to_be_visible()
    assert Redrive.objects.get().total == len(letters)


def test_chosen_letters_are_resolved_with_a_note(open_page, failures):
    page = open_page(*OPERATOR)

    page.goto(LETTERS)
    for letter in failures[:2]:
        page.locator(f"input.action-select[value='{letter.pk}']").check()
    page.get_by_role("button", name="Resolve…").click()
    page.get_by_label("Note").fill("nobody needs these")
    page.get_by_role("button", name="Resolve").click()

    expect(page.get_by_text("Resolved 2 dead letters.")).to_be_visible()
    assert [status(letter) for letter in failures[:3]] == ["resolved", "resolved", "pending"]


def test_a_group_is_ignored_and_leaves_the_list(open_page, failures):
    page = open_page(*OPERATOR)

    page.goto(f"{GROUPS}{failures[0].signature_id}/change/")
    page.get_by_role("link", name="Triage").click()
    page.get_by_label("Ignored").check()
    page.get_by_label("it has failed so many times more").fill("100")
    page.get_by_role("textbox", name="Note").fill("their maintenance window")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("The group is ignored now.")).to_be_visible()
    expect(page.get_by_text("until: 100 more failures")).to_be_visible()
    page.goto(GROUPS)
    expect(page.locator("#result_list")).not_to_contain_text("connection reset")


def test_a_redrive_that_goes_on_leaves_the_form_that_is_being_filled_in(open_page, failures):
    redrive = redrives.start(
        filters.parse({"matching": "connection reset"}), actor=SEED, reason="mended", pace=0.1
    )
    page = open_page(*OPERATOR)

    page.goto(f"{REDRIVES}{redrive.pk}/change/")
    with page.expect_response(f"**{REDRIVES}{redrive.pk}/change/"):
        pass
    page.get_by_role("link", name="Abort").click()
    page.get_by_label("Reason").fill("the wrong group")
    finish_what_was_handed_over(timezone.now())
    page.get_by_role("button", name="Abort").click()

    expect(page.get_by_text("Aborted 1 redrive.")).to_be_visible()
    redrive.refresh_from_db()
    assert (redrive.state, redrive.stop_reason) == ("aborted", "the wrong group")
