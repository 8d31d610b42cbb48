"""The policy against foreign scripts, in a browser: no page breaks it, and what moves still moves."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from governance.access.actors import from_command
from juggernaut.access import entry_points
from juggernaut.access.pages import PAGES
from juggernaut.api_tokens import services as api_tokens
from juggernaut.models import ApiToken
from tests.governance.console import submit
from tests.juggernaut.access.people import filled

pytestmark = [pytest.mark.console, pytest.mark.slow]
TASKS = "/admin/governance/task/"
# Told by the browser itself, also for what a page tries long after it was loaded.
WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation", event => window.broken.push(
  event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile + " " + event.sample));
"""


@pytest.fixture
def root_page(open_page, client, live_server):
    """A page of a superuser, and what the browser has to say against it."""
    page = open_page("view_task")
    client.force_login(User.objects.create_superuser("root"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.context.add_init_script(WATCH)
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    return page


def complaints(page) -> list[str]:
    return [*page.evaluate("window.broken"), *(s for s in page.said if "Content Security Policy" in s)]


def every_page() -> list[str]:
    """Each address of the console that shows something, with a row where there is one."""
    own = [route for method, route in PAGES if method == "GET" and route.startswith("admin/")]
    lists = [f"admin/{label.replace('.', '/')}/" for label in entry_points.models()]
    rows = [f"{start}{rest}" for start in lists for rest in ("", "add/", "<path:object_id>/change/")]
    return list(dict.fromkeys(filled(route) for route in [*own, *rows]))


def test_no_page_of_the_console_breaks_the_policy(root_page):
    submit("one")
    api_tokens.create("ci", actor=from_command("test"))
    pages, broken = every_page(), {}

    for address in pages:
        root_page.goto(address)
        if found := complaints(root_page):
            broken[address] = found
        root_page.said.clear()

    assert broken == {}
    assert len(pages) > 100


def test_the_browser_refuses_an_inline_script_and_tells_it(root_page):
    root_page.goto("/admin/")

    root_page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        const link = document.createElement("a");
        link.setAttribute("onclick", "window.ran = true");
        document.body.append(link);
        link.click();
    }""")

    assert root_page.evaluate("window.ran") is None
    assert len(complaints(root_page)) >= 2


def test_what_is_typed_into_an_empty_search_is_looked_for(root_page):
    submit("needle")
    submit("hay")
    root_page.goto(TASKS)

    root_page.locator("#searchbar").fill("needle")
    root_page.keyboard.press("Enter")

    expect(root_page.locator("#result_list")).not_to_contain_text("hay")
    assert complaints(root_page) == []


def test_a_token_is_made_shown_once_and_revoked(root_page):
    root_page.goto("/admin/juggernaut/apitoken/add/")
    root_page.get_by_label("Client").fill("build server")
    root_page.get_by_label("Scopes").fill("tasks:write tasks:read")
    root_page.get_by_label("What it is for").fill("nightly build")
    root_page.get_by_role("button", name="Create token").click()
    token = root_page.get_by_label("Token", exact=True).input_value()
    root_page.get_by_role("link", name="I have it").click()

    assert token.startswith(api_tokens.PREFIX)
    assert token not in root_page.content()
    expect(root_page.locator("#result_list")).to_contain_text("tasks:write, tasks:read")
    root_page.get_by_role("link", name="build server").first.click()
    root_page.get_by_role("link", name="Revoke").click()
    root_page.get_by_label("Reason").fill("leaked")
    root_page.get_by_role("button", name="Revoke").click()

    expect(root_page.get_by_text("Revoked: ")).to_be_visible()
    assert not ApiToken.objects.exists()
