"""The first operator: made once, password told once."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_password_given(monkeypatch):
    monkeypatch.delenv("JUGGERNAUT_ADMIN_PASSWORD", raising=False)


def create(**options):
    said = StringIO()
    call_command("create_operator", stdout=said, **options)
    return said.getvalue()


def operator():
    return get_user_model().objects.get(is_superuser=True)


def test_the_first_operator_gets_a_random_password_that_is_printed():
    password = create().split()[-1]

    assert operator().check_password(password)
    assert operator().username == "admin"
    assert operator().is_staff


def test_a_given_password_is_used_and_not_printed(monkeypatch):
    monkeypatch.setenv("JUGGERNAUT_ADMIN_PASSWORD", "correct horse")

    assert "correct horse" not in create()
    assert operator().check_password("correct horse")


def test_a_second_time_changes_nothing():
    create()
    before = operator().password

    assert "nothing was changed" in create(username="another")
    assert operator().password == before


def test_an_ordinary_user_is_not_promoted():
    get_user_model().objects.create_user("admin", password="theirs")

    with pytest.raises(CommandError, match="--username"):
        create()

    assert not get_user_model().objects.filter(is_superuser=True).exists()


def test_set_up_says_nothing_when_there_is_nothing_to_do(transactional_db):
    said = StringIO()

    call_command("set_up", stdout=said)
    assert "Its password" in said.getvalue()
    said.truncate(0)
    call_command("set_up", stdout=said)

    assert said.getvalue().strip("\0") == ""
