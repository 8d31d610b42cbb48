"""A real browser on the real pages."""

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.fleet import enlist
from tests.governance.console import person

SWITCHES = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 400, "height": 850}}
PATIENCE_MILLISECONDS = 20_000
# What Chromium calls the rule that a page has broken.
POLICY = "Content Security Policy"
OPERATOR = ("view_task", "terminate_task", "cancel_task", "retry_task", "view_worker", "view_workerprocess")


@pytest.fixture(scope="module")
def chromium():
    """For these tests alone: Playwright's event loop would be in the way of others."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    found = shutil.which("chromium")
    assert found, "the console's tests need chromium: apt-get install chromium"
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        # Playwright's loop runs in this thread, so Django believes that the tests' queries were async.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=found, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, live_server, client, transactional_db):
    """Opens pages as somebody; afterwards no page may have raised an error or asked another machine."""
    enlist()
    contexts, errors, asked = [], [], []

    def open_as(*permissions, size="wide", theme="light", superuser=False):
        context = chromium.new_context(viewport=SIZES[size], color_scheme=theme, base_url=live_server.url)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        contexts.append(context)
        user = person(*(permissions or OPERATOR))
        if superuser:
            user.is_superuser = True
            user.set_password("known to nobody")
            user.save()
        client.force_login(user)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.extend([said.text] if _breaks_policy(page, said) else []))
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda answer: errors.extend([answer.url] if _is_ours(answer) else []))
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert errors == []
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []


def _is_ours(answer):
    """An error of the server; what a test makes up says so."""
    return answer.status >= 500 and "x-made-up" not in answer.headers


def _breaks_policy(page, said):
    """Pages of the policy's own tests keep what is said, some of it asked for, and judge it themselves."""
    return POLICY in said.text and not hasattr(page, "said")
