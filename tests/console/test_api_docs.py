"""The API's page, in a browser that runs scripts from this server's files only."""

import re

import pytest
from playwright.sync_api import Route, expect

from governance.models import Task
from juggernaut.api.openapi.views import document

pytestmark = [pytest.mark.console, pytest.mark.slow]
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"


@pytest.fixture
def open_docs(open_page):
    """Opens the page under a strict policy; what the policy stops is collected."""
    stopped: list[str] = []

    def add_policy(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"Content-Security-Policy": POLICY})

    def open_as(*permissions: str, **look: str):
        page = open_page(*permissions, **look)
        page.on(
            "console", lambda said: stopped.append(said.text) if "Content Security" in said.text else None
        )
        page.route(re.compile(r"/api/docs"), add_policy)
        page.goto("/api/docs")
        expect(page.locator(".opblock-tag").first).to_be_visible()
        return page

    yield open_as
    assert [text for text in stopped if "script" in text.lower()] == []


@pytest.mark.parametrize("look", [{}, {"theme": "dark"}, {"size": "narrow"}], ids=["light", "dark", "narrow"])
def test_all_operations_are_there(open_docs, look):
    page = open_docs("view_task", **look)

    expect(page.locator(".opblock-tag")).to_have_count(len(document()["tags"]))
    page.locator("#operations-tag-Tasks .opblock-tag, h3[data-tag='Tasks']").first.click()

    expect(page.get_by_text("Submit a task", exact=True)).to_be_visible()


def test_somebody_who_has_signed_in_can_try_a_request(open_docs):
    page = open_docs("view_task", "add_task")
    page.locator("h3[data-tag='Tasks']").click()
    operation = page.locator("#operations-Tasks-submit_task")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()

    operation.get_by_role("button", name="Execute").click()

    expect(operation.locator(".live-responses-table tbody .response-col_status")).to_contain_text("201")
    assert Task.objects.get().title == "Health check"
