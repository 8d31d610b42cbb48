"""Pages in words, for when a page cannot be shown."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse
from django.template import loader
from django.test import Client
from django.urls import path

from juggernaut.urls import handler400, handler404, handler500, urlpatterns
from tests.governance.console import person

__all__ = ["handler400", "handler404", "handler500"]  # as Django looks for them in a urlconf


def fail(request: HttpRequest, how: str) -> HttpResponse:
    raise {
        "404": Http404(),
        "403": PermissionDenied("governance.view_task is needed"),
        "400": SuspiciousOperation("odd"),
        "500": ZeroDivisionError("a secret"),
    }[how]


urlpatterns = [path("fail/<str:how>/", fail), *urlpatterns]


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def database_away(transactional_db, monkeypatch, visitor):
    """Somebody is logged in, and now nobody listens where the database should be."""
    visitor.force_login(person("view_task"))
    default = connections["default"]
    default.close()
    monkeypatch.setitem(default.settings_dict, "PORT", 1)
    yield
    monkeypatch.undo()
    default.close()


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("404", "There is nothing at this address"),
        ("403", "governance.view_task is needed"),
        ("400", "This request could not be read"),
        ("500", "The server failed at this page"),
    ],
)
def test_what_went_wrong_is_said_in_words(visitor, how, words):
    answer = visitor.get(f"/fail/{how}/")

    said = answer.content.decode()
    assert answer.status_code == int(how)
    assert words in said
    assert "secret" not in said
    assert "Traceback" not in said
    assert "To the overview" in said


@pytest.mark.parametrize("address", ["/admin/", "/admin/governance/task/", "/admin/costs/"])
def test_while_the_database_is_away_pages_say_so_in_words(visitor, database_away, address):
    answer = visitor.get(address)

    said = answer.content.decode()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "The database does not answer" in said
    assert "diagnose database" in said
    assert "Traceback" not in said


def test_while_the_database_is_away_figures_say_so_too(visitor, database_away):
    assert visitor.get("/admin/costs/figures/").status_code == 503


def test_pages_of_trouble_need_nothing_that_may_be_away():
    for name in ("400", "403", "403_csrf", "404", "500", "503"):
        page = loader.render_to_string(f"{name}.html")
        assert "<h1>" in page
        assert "<script" not in page
