"""What browsers are told about every kind of answer."""

import pytest
from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory

from juggernaut.security.security_headers import SecurityHeaders

pytestmark = pytest.mark.django_db


def policy(answer) -> dict[str, list[str]]:
    parts = [part.split() for part in answer["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in parts}


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize(
    "address",
    ["/", "/admin/", "/admin/login/", "/admin/nothing/", "/health", "/api", "/api/tasks", "/api/nothing",
     "/nothing", "/static/juggernaut/console.css"],
)  # fmt: skip
def test_every_answer_carries_the_rules(browser: Client, address: str):
    answer = browser.get(address)
    answer.close()

    told = policy(answer)
    assert "'unsafe-inline'" not in told.get("script-src", told["default-src"])
    assert told["frame-ancestors"] == told["base-uri"] == ["'none'"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]


def test_the_console_loads_from_this_server_alone(browser: Client):
    told = policy(browser.get("/admin/"))

    assert told["script-src"] == ["'self'", "'unsafe-eval'"]
    assert told["default-src"] == ["'none'"]
    assert told["form-action"] == told["connect-src"] == ["'self'"]


def test_what_is_no_page_loads_nothing(browser: Client):
    told = policy(browser.get("/api/tasks"))

    assert set(map(tuple, told.values())) == {("'none'",)}


def test_a_view_says_what_else_it_needs():
    @csp_update({"script-src": [SELF]})
    def documents(request) -> HttpResponse:
        return HttpResponse()

    answer = SecurityHeaders(documents)(RequestFactory().get("/api/docs"))

    assert policy(answer)["script-src"] == ["'self'"]
    assert policy(answer)["default-src"] == ["'none'"]
