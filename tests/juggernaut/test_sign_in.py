"""Logging in: guessing is slowed down, sessions end, and what cookies may."""

from datetime import timedelta
from typing import Any

import pytest
import redis
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import get_default_password_validators, validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from juggernaut.security import login_throttling

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
RIGHT = "correct horse battery"


@pytest.fixture(autouse=True)
def ada() -> User:
    return User.objects.create_superuser("ada", password=RIGHT)


def attempt(password: str, *, name: str = "ada", address: str = "192.0.2.1", client: Client | None = None):
    asked = {"username": name, "password": password}
    return (client or Client()).post(LOGIN, asked, REMOTE_ADDR=address)


def fail(times: int, **who: Any):
    answers = [attempt("wrong", **who) for _ in range(times)]
    return answers[-1]


def test_a_name_that_failed_too_often_is_refused_with_the_right_password_too():
    last = fail(settings.AXES_FAILURE_LIMIT)

    assert last.status_code == attempt(RIGHT).status_code == 429
    assert last["Retry-After"] == "900"


def test_the_page_says_in_words_what_happened_and_what_helps():
    page = fail(settings.AXES_FAILURE_LIMIT).content.decode()

    assert "nobody is let in from there for 15 minutes" in page
    assert "manage.py axes_reset" in page
    assert "ada" not in page


def test_a_name_that_does_not_exist_is_told_the_same():
    known = fail(settings.AXES_FAILURE_LIMIT, name="ada")
    unknown = fail(settings.AXES_FAILURE_LIMIT, name="nobody")

    assert known.content == unknown.content


def test_failures_from_elsewhere_lock_nobody_out():
    fail(settings.AXES_FAILURE_LIMIT, address="198.51.100.9")

    assert attempt(RIGHT).status_code == 302


def test_one_password_tried_with_many_names_locks_its_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(login_throttling, "FAILURES_OF_ADDRESS", 6)
    for number in range(6):
        attempt("Summer2026!", name=f"user{number}")

    assert attempt(RIGHT).status_code == 429
    assert attempt(RIGHT, address="198.51.100.9").status_code == 302


def test_after_a_quarter_of_an_hour_the_name_may_try_again():
    fail(settings.AXES_FAILURE_LIMIT)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))

    assert attempt(RIGHT).status_code == 302


def test_a_right_password_forgets_the_wrong_ones():
    fail(settings.AXES_FAILURE_LIMIT - 1)
    attempt(RIGHT)

    assert fail(settings.AXES_FAILURE_LIMIT - 1).status_code == 200


def test_the_shell_opens_the_door_again():
    from django.core.management import call_command

    fail(settings.AXES_FAILURE_LIMIT)
    call_command("axes_reset", verbosity=0)

    assert attempt(RIGHT).status_code == 302


def test_failures_are_counted_while_redis_is_away(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object, **options: object) -> None:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(redis.connection.AbstractConnection, "connect", refuse)

    assert fail(settings.AXES_FAILURE_LIMIT).status_code == 429


def test_behind_a_proxy_it_is_the_client_that_is_counted(settings):
    settings.JUGGERNAUT_TRUSTED_PROXIES = 1
    for _ in range(settings.AXES_FAILURE_LIMIT):
        asked = {"username": "ada", "password": "wrong"}
        Client().post(LOGIN, asked, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.5, 198.51.100.9")

    assert {row.ip_address for row in AccessAttempt.objects.all()} == {"198.51.100.9"}


@pytest.mark.parametrize("forged", ["203.0.113.5", "not an address", ""])
def test_without_a_proxy_nobody_believes_what_the_client_says_of_its_address(forged: str):
    asked = {"username": "ada", "password": "wrong"}
    Client().post(LOGIN, asked, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forged)

    assert AccessAttempt.objects.get().ip_address == "192.0.2.1"


def test_no_password_is_kept_of_a_failed_login():
    attempt("my real pass phrase, mistyped")

    assert "mistyped" not in str(list(AccessAttempt.objects.values()))


def test_the_session_s_cookie_is_out_of_the_reach_of_scripts_and_ends():
    client = Client()
    answer = attempt(RIGHT, client=client)

    session = answer.cookies["sessionid"]
    assert (session["httponly"], session["samesite"], session["max-age"]) == (True, "Lax", 12 * 3600)
    assert client.get(LOGIN).cookies.get("csrftoken", answer.cookies["csrftoken"])["httponly"] is True


def test_logging_in_changes_the_session_so_that_none_can_be_foisted():
    client = Client()
    client.get(LOGIN)
    before = client.session.session_key

    attempt(RIGHT, client=client)

    assert client.session.session_key != before


def test_passwords_are_kept_by_a_hash_that_costs_memory(settings: Any):
    _cheap, *ours = settings.PASSWORD_HASHERS
    settings.PASSWORD_HASHERS = ours

    assert identify_hasher(make_password("correct horse battery staple")).algorithm == "scrypt"


@pytest.mark.parametrize("weak", ["short", "passwordpassword"[:8], "123456789012345", "qwertyuiop12"[:10]])
def test_a_weak_password_is_refused(weak: str):
    assert len(get_default_password_validators()) == 4

    with pytest.raises(ValidationError):
        validate_password(weak)
