"""All addresses and actions as nobody, viewer, operator and admin: who is let in is who the table lets in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from governance.access.actors import from_command
from juggernaut.access import enforcement, entry_points, requirements
from juggernaut.access.endpoints import ENDPOINTS
from juggernaut.access.pages import ACTIONS, MODELS, PAGES
from juggernaut.access.requirements import CONSOLE, LOOPBACK, NOBODY, WHO, Needs
from juggernaut.api_tokens import services as api_tokens
from juggernaut.security import local_user
from tests.governance import samples
from tests.juggernaut.access.people import browser_of, client_of, filled, is_refused

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# Which verb on a model's rows a request to its own pages is.
OWN_PAGES = (
    ("GET", "", "view"), ("GET", "add/", "add"), ("POST", "add/", "add"),
    ("GET", "<path:object_id>/history/", "view"),
    ("GET", "<path:object_id>/change/", "view"), ("POST", "<path:object_id>/change/", "change"),
    ("GET", "<path:object_id>/delete/", "delete"), ("POST", "<path:object_id>/delete/", "delete"),
)  # fmt: skip
QUERIES = {"admin/autocomplete/": "?app_label=juggernaut&model_name=apitoken&field_name=owner&term="}
THIS_MACHINE: dict[str, Any] = {"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "127.0.0.1"}
May = Callable[[str, Needs], bool]
Rows = Iterator[tuple[str, str, Needs]]


@pytest.fixture(autouse=True)
def rows_to_look_at():
    samples.submit()
    api_tokens.create("ci", actor=from_command("test"))


def rows_of_the_console() -> Rows:
    for (method, route), needs in PAGES.items():
        yield method, route, needs
    for model in entry_points.models():
        for method, rest, verb in OWN_PAGES:
            needs = MODELS.get((verb, model), (NOBODY,))
            yield method, f"admin/{model.replace('.', '/')}/{rest}", needs
        yield "GET", f"admin/{model.replace('.', '/')}/<path:object_id>/", (CONSOLE,)


def rows_of_the_api() -> Rows:
    for (method, route), needs in ENDPOINTS.items():
        yield method, route, needs


def surprises(client: Client, who: str, rows: Rows, may: May = requirements.may, **meta: Any) -> list[str]:
    """The requests that were let in or refused against the table. Who logs out does it last."""
    found = []
    for method, route, needs in sorted(rows, key=lambda row: "logout" in row[1]):
        address = filled(route) + QUERIES.get(route, "")
        body = "{}" if route.startswith("api") else ""
        answer = client.generic(method, address, body, content_type="application/json", **meta)
        if is_refused(answer) == may(who, needs):
            found.append(f"{method} /{route} as {who}: {answer.status_code}, although it needs {needs}")
    return found


@pytest.mark.parametrize("who", WHO)
def test_the_api_lets_in_whom_the_table_lets_in(who: str):
    assert surprises(client_of(who), who, rows_of_the_api()) == []


@pytest.mark.parametrize("who", WHO)
def test_the_console_lets_in_whom_the_table_lets_in(who: str):
    assert surprises(browser_of(who), who, rows_of_the_console()) == []


def test_this_machine_without_a_token_is_let_in_to_tasks_metrics_and_diagnosis_alone():
    assert surprises(Client(), LOOPBACK, rows_of_the_api(), **THIS_MACHINE) == []
    allowed = {
        "governance.add_task", "governance.view_task", "governance.view_worker", "monitoring.view_metrics",
    }  # fmt: skip
    assert allowed == local_user.PERMISSIONS


@pytest.mark.parametrize("who", requirements.ROLES)
def test_the_console_offers_the_actions_that_the_table_allows(who: str):
    browser_of(who)
    request = RequestFactory().get("/admin/")
    request.user = User.objects.get(username=f"{who} in the console")

    assert sorted(entry_points.actions(request)) == sorted(
        key for key, needs in ACTIONS.items() if requirements.may(who, needs)
    )


def test_a_superuser_is_refused_what_is_nobodys_and_nothing_else():
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))

    assert surprises(browser, "root", rows_of_the_console(), lambda who, needs: NOBODY not in needs) == []


def test_a_person_who_may_not_enter_the_console_sees_none_of_it():
    browser = Client()
    browser.force_login(User.objects.create_user("outsider"))

    def may(who: str, needs: Needs) -> bool:
        return needs == (requirements.ANYONE,)

    assert surprises(browser, "an outsider", rows_of_the_console(), may) == []


def test_a_request_without_a_row_is_refused_to_everybody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(enforcement, "ENDPOINTS", {})

    answer = client_of("admin").get("/api/tasks")

    assert answer.status_code == 403
    assert "GET /api/tasks is not in the table of permissions" in answer.json()["detail"]
