"""What every test stands on: real servers, then Django, then fixtures."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from juggernaut import embedded
from juggernaut.security import local_user
from tests import emptying, places, session_servers
from tests.machine import Machine

try:
    session_servers.start()
except embedded.EmbeddedServerError as error:
    pytest.exit(f"no servers to test with: {error}", returncode=3)
# pytest-django would do it after all conftests are imported; theirs may import models.
django.setup()
# Each client of a test has the middleware anew; it would read the times of all static files each time.
settings.WHITENOISE_AUTOREFRESH = True
# How long examples take to make says how busy the machine is, and nothing of the product.
hypothesis_settings.register_profile(
    "juggernaut", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("juggernaut")
# Its requests come by no connection, of which the other end could be seen.
local_user.NO_CONNECTION = ""
# Passwords of tests are guessed by nobody; a good hash of one takes a quarter of a second.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


# Whose changes are audited (juggernaut's migration 0002).
PEOPLE = (
    "auth_user",
    "auth_group",
    "auth_user_groups",
    "auth_user_user_permissions",
    "auth_group_permissions",
)
# Folders and fixtures whose tests start processes and talk to them.
SLOW = ("tests/core/", {"simulator", "own_var"})
# And those that need half of the machine for themselves: a whole system of their own, or a browser.
ALONE = (("tests/faults/", "tests/console/", "tests/deployment/"), {"own_var"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if item.nodeid.startswith(SLOW[0]) or used & SLOW[1]:
            item.add_marker(pytest.mark.slow)
        if item.nodeid.startswith(ALONE[0]) or used & ALONE[1]:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.alone)


def pytest_unconfigure() -> None:
    """Leave no server behind."""
    session_servers.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """What a sweep left to the postman is done before the database is gone."""
    for thread in threading.enumerate():
        if thread.name == "postman":
            thread.join(30)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests that commit empty every table afterwards; the audit log would refuse that. And it is not told
    of the people and tokens that tests make, except in the tests of those."""
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_not_emptied")
        cursor.execute("ALTER TABLE api_tokens DISABLE TRIGGER api_token_audited")
        for table in PEOPLE:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute("TRUNCATE audit_log")  # what the roles were given
        emptying.install()


@pytest.fixture(autouse=True)
def leases_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's PostgreSQL has just started; the grace period after that has a test of its own."""
    from governance.tasks.transitions import leases

    monkeypatch.setattr(leases, "GRACE_AFTER_RESTART", timedelta(0))


@pytest.fixture
def own_var() -> Iterator[Path]:
    """A `var/` for this test alone, in a place that the servers' account can enter."""
    with places.var_folder() as place:
        yield place


@pytest.fixture
def own_servers(own_var: Path) -> Iterator[embedded.EmbeddedServers]:
    """PostgreSQL and Redis for this test alone, to be stopped, killed and restarted at will."""
    with embedded.running(own_var, named={}) as servers:
        yield servers


@pytest.fixture
def machine(own_var: Path) -> Iterator[Machine]:
    """A whole machine for this test alone, not started yet."""
    mine = Machine(own_var)
    yield mine
    mine.end()
