"""Which names of time zones are taken: those that mean the same on every machine and in PostgreSQL."""

import pytest
from django.db import connection

from governance import budgets, timezones
from governance.errors import InvalidInput
from tests.governance.console import SEED

pytestmark = pytest.mark.django_db
NONE = [
    "localtime", "posixrules", "Factory", "Mars", "America", "../etc/passwd", "/etc/localtime", "", " ",
    "a\x00b", "\ud800", "x" * 2_000, "UTC+3",
]  # fmt: skip


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT-14"])
def test_a_zone_is_itself(name):
    assert timezones.checked(name) == name


@pytest.mark.parametrize("name", NONE)
def test_what_is_none_is_refused_and_harms_no_transaction(name):
    with pytest.raises(ValueError, match="a time zone is expected, such as Europe/Berlin"):
        timezones.checked(name)

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_budget_names_the_field():
    with pytest.raises(InvalidInput) as refused:
        budgets.set_limits("EXECUTOR", limits={}, timezone="localtime", actor=SEED)

    assert [error.field for error in refused.value.errors] == ["timezone"]
