"""The production profile: it starts with what keeps it safe, or not at all."""

import os
import subprocess
import sys

import pytest

from juggernaut.environment import ROOT
from tests.juggernaut.production import SAFE

pytestmark = pytest.mark.slow


def manage(*arguments: str, **environment: str | None) -> subprocess.CompletedProcess:
    """A command in a process of its own; what is None is not set."""
    asked = os.environ | SAFE | environment
    known = {name: value for name, value in asked.items() if value is not None}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=known,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("redirect", ["no", "1"])
def test_the_check_of_a_deployment_finds_nothing(redirect: str):
    ended = manage("check", "--deploy", "--fail-level", "WARNING", JUGGERNAUT_TLS_REDIRECT=redirect)

    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout
    assert "WARNING" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DJANGO_SECRET_KEY", None, "DJANGO_SECRET_KEY is not set"),
        ("DJANGO_SECRET_KEY", "", "DJANGO_SECRET_KEY is not set"),
        ("DJANGO_SECRET_KEY", "changeme", "DJANGO_SECRET_KEY can be guessed"),
        ("DJANGO_SECRET_KEY", "a" * 60, "DJANGO_SECRET_KEY can be guessed"),
        ("DJANGO_SECRET_KEY", f"django-insecure-{'abcdefgh' * 6}", "DJANGO_SECRET_KEY can be guessed"),
        ("JUGGERNAUT_ALLOWED_HOSTS", None, "JUGGERNAUT_ALLOWED_HOSTS is not set"),
        ("JUGGERNAUT_ALLOWED_HOSTS", " , ", "JUGGERNAUT_ALLOWED_HOSTS is not set"),
        ("JUGGERNAUT_ALLOWED_HOSTS", "a.example,*", "JUGGERNAUT_ALLOWED_HOSTS allows every name"),
        ("JUGGERNAUT_TLS_REDIRECT", None, "JUGGERNAUT_TLS_REDIRECT is not set"),
        ("JUGGERNAUT_TLS_REDIRECT", "maybe", "JUGGERNAUT_TLS_REDIRECT is 'maybe'; expected 1, true, yes"),
    ],
)
def test_it_does_not_start_without(name: str, value: str | None, said: str):
    ended = manage("check", **{name: value})

    assert ended.returncode == 1
    assert said in ended.stderr
    assert not value or len(value) < 8 or value not in ended.stderr


def test_everything_that_is_missing_is_said_at_once():
    ended = manage("check", **{name: None for name in SAFE if name != "JUGGERNAUT_PROFILE"})

    assert all(name in ended.stderr for name in SAFE if name != "JUGGERNAUT_PROFILE")


def test_cookies_travel_by_tls_alone_and_the_session_ends():
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "IS_LOCAL", "DEBUG")
    ended = manage(
        "shell",
        "--no-imports",
        "-c",
        f"from django.conf import settings as s; print([getattr(s, n) for n in {names}])",
    )

    assert ended.stdout.strip().splitlines()[-1] == "[True, True, True, False, False]"
