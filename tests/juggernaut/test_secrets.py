"""Secrets stand in no log, page, error or finding."""

import logging
from contextlib import suppress

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from governance.access.actors import from_command
from governance.audit import redaction
from governance.db import errors as db_errors
from juggernaut import configuration, logs
from juggernaut.access import entry_points
from juggernaut.access.endpoints import ENDPOINTS
from juggernaut.access.pages import PAGES
from juggernaut.api_tokens import services as api_tokens
from reliability.engine import attempt
from tests.governance import samples
from tests.governance.api_client import Api
from tests.juggernaut.access.people import filled

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PASSWORD = "correct-horse-battery"
LLM_KEY = "a-key-of-no-known-maker"


@pytest.fixture
def own_secrets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Secrets of this system, as its environment holds them."""
    monkeypatch.setattr(redaction, "_own", set())
    monkeypatch.setenv("DATABASE_URL", f"postgresql://juggernaut:{PASSWORD}@db.example/juggernaut")
    monkeypatch.setenv("REDIS_URL", "redis://:red%2Fis-pass-word@cache.example/0")
    monkeypatch.setenv("JUGGERNAUT_LLM_API_KEY", LLM_KEY)
    configuration.hide_secrets(configuration.current())
    redaction.learn(settings.SECRET_KEY)
    return [PASSWORD, LLM_KEY, "red/is-pass-word", "red%2Fis-pass-word", settings.SECRET_KEY]


def logged(message: str, *arguments: object, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("some.module", logging.ERROR, "file.py", 1, message, arguments, exc_info)
    return logs.OneLine().format(made)


def test_no_secret_of_this_system_reaches_a_log_line(own_secrets: list[str]):
    for secret in own_secrets:
        line = logged("it said %s and went", secret, error=ValueError(f"not {secret}"))

        assert secret not in line
        assert line.count(redaction.HIDDEN) == 2


@pytest.mark.parametrize(
    "said",
    [
        "Authorization: Bearer {}",
        "headers={{'Authorization': 'Token {}'}}",
        "the client sent {}",
        "GET /api/tasks?token={}",
    ],
)
def test_a_token_reaches_no_log_line(said: str):
    token = api_tokens.create("ci", actor=from_command("test")).text

    assert token not in logged(said.format(token))


def test_a_cookie_of_a_session_reaches_no_log_line():
    assert "0a1b2c3d4e5f" not in logged("Cookie: sessionid=0a1b2c3d4e5f6a7b8c9d; csrftoken=x")


def test_a_secret_in_a_very_long_line_is_hidden_where_the_line_is_cut(own_secrets: list[str]):
    line = logged("x" * (logs.MAX_LINE - 5) + PASSWORD)

    assert PASSWORD[:5] not in line


def test_a_word_that_happens_to_be_a_password_hides_no_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redaction, "_own", set())
    redaction.learn("postgres")

    assert redaction.hide("postgres is up") == "postgres is up"


def test_an_outage_is_told_without_the_password(own_secrets: list[str]):
    error = OperationalError(f'invalid dsn: "postgresql://juggernaut:{PASSWORD}@db.example/juggernaut"')

    assert PASSWORD not in db_errors.describe(error)


def test_what_a_task_failed_with_is_kept_without_secrets(own_secrets: list[str]):
    for secret in own_secrets:
        assert secret not in attempt._describe(RuntimeError(f"401 for Bearer {secret}"))


def test_diagnosis_names_no_secret(capsys: pytest.CaptureFixture[str], own_secrets: list[str]):
    with suppress(SystemExit):  # something critical was found: nothing runs in this test
        call_command("diagnose", "--json")

    told = capsys.readouterr().out
    assert "database" in told
    assert [secret for secret in own_secrets if secret in told] == []


def test_no_page_and_no_answer_shows_a_token_its_digest_or_a_session(own_secrets: list[str]):
    samples.submit()
    root = User.objects.create_superuser("root", password=PASSWORD)
    made = api_tokens.create("root", actor=from_command("test"))
    browser = Client()
    browser.force_login(root)
    hidden = [*own_secrets, made.text, made.row.digest, str(browser.session.session_key), root.password]
    told = {address: browser.get(address).content.decode() for address in pages()}
    client = Api(Authorization=f"Bearer {made.text}").client
    told |= {address: client.get(address).content.decode() for address in requests()}

    assert [(where, secret) for where, text in told.items() for secret in hidden if secret in text] == []
    assert len(told) > 100


def pages() -> list[str]:
    own = [route for method, route in PAGES if method == "GET" and route.startswith("admin/")]
    starts = [f"admin/{label.replace('.', '/')}/" for label in entry_points.models()]
    rows = [f"{start}<path:object_id>/change/" for start in starts]
    return [filled(route) for route in [*own, *starts, *rows]]


def requests() -> list[str]:
    return [filled(route) for method, route in ENDPOINTS if method == "GET"]


def test_an_error_tells_nothing_of_the_request_s_headers(monkeypatch: pytest.MonkeyPatch, caplog):
    token = api_tokens.create("ci", actor=from_command("test")).text
    monkeypatch.setattr("governance.tasks.selectors.tasks", break_with_everything)
    client = Api(Authorization=f"Bearer {token}").client
    client.raise_request_exception = False

    answer = client.get("/api/tasks")

    assert answer.status_code == 500
    assert token not in answer.content.decode()
    assert [record for record in caplog.records if token in logs.OneLine().format(record)] == []


def break_with_everything(asked, *, actor):
    raise RuntimeError(f"while {asked} for {actor}")


def test_a_failing_page_of_the_console_shows_no_settings(monkeypatch, own_secrets: list[str]):
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("root"))
    monkeypatch.setattr("juggernaut.console.branding.profile", lambda request: 1 / 0)

    answer = browser.get(reverse("admin:index"))

    assert answer.status_code == 500
    assert [secret for secret in own_secrets if secret in answer.content.decode()] == []
    assert b"Traceback" not in answer.content


def test_a_wrong_token_is_not_repeated_to_whoever_sent_it():
    answer = Api(Authorization="Bearer jgt_this-was-nearly-right-0123456789").get("tasks")

    assert answer.status_code == 401
    assert "nearly" not in answer.content.decode()
