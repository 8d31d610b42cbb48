"""Django uses psycopg2 although psycopg 3 lies in the same environment, as it does in that of the tests."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import psycopg2
import pytest
from django.db import connection
from django.db.backends.postgresql import base, psycopg_any

from governance.db import notifications
from juggernaut import embedded
from juggernaut.database import driver
from juggernaut.environment import ROOT
from juggernaut.supervisor import banner
from tests.governance.lives import claim, make


def test_psycopg_3_is_here_and_django_uses_psycopg2():
    assert find_spec("psycopg")
    assert vars(base)["Database"] is psycopg2
    assert not psycopg_any.is_psycopg3


@pytest.mark.django_db
def test_notifications_and_claims_work_beside_psycopg_3():
    assert isinstance(connection.cursor().cursor, psycopg2.extensions.cursor)
    task = make()

    notifications._notify(["EXECUTOR", notifications.STOP])

    assert [claimed.id for claimed in claim()] == [task.pk]


def test_psycopg_3_stays_importable_for_others():
    driver.choose()

    assert importlib.import_module("psycopg").__version__.startswith("3.")


@pytest.mark.slow
def test_a_choice_of_types_that_was_made_before_is_made_again():
    """As by mypy's plugin, which imports fields before the settings."""
    code = (
        "import django.contrib.postgres.fields as _;"
        "from django.db.backends.postgresql import psycopg_any as types;"
        "before = types.is_psycopg3; from juggernaut.database import driver; driver.choose();"
        "from django.db.backends.postgresql import base;"
        "print(before, types.is_psycopg3, base.Database.__name__)"
    )

    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["True", "False", "psycopg2"]


def test_a_backend_that_was_loaded_before_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, driver._BACKEND, SimpleNamespace(is_psycopg3=True))

    with pytest.raises(driver.WrongDriver, match="needs psycopg2"):
        driver.choose()


def test_the_start_says_which_driver_is_used(tmp_path):
    servers = embedded.EmbeddedServers(tmp_path, named={"DATABASE_URL": "a", "REDIS_URL": "b"})

    text = banner.text(address=None, servers=servers)

    assert "Database driver  psycopg2 2." in text
    assert "psycopg 3 is installed too and is not used" in text


def test_without_psycopg_3_the_driver_alone_is_named(monkeypatch):
    monkeypatch.setattr(driver, "find_spec", lambda name: None)

    assert driver.describe() == "psycopg2 " + vars(psycopg2)["__version__"].split()[0]
