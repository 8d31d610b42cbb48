"""Who may read `/metrics`, and what it says while things are down."""

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from governance.access import roles
from monitoring.metrics import exposition, families
from monitoring.metrics.families import Family, Question
from tests.governance.api_client import make_user, token_of
from tests.monitoring.metrics.text import parse, scrape, value

pytestmark = pytest.mark.slow


def far():
    """Somebody at another machine."""
    return Client(REMOTE_ADDR="192.0.2.1")


@pytest.fixture(autouse=True)
def fresh(living_system, look_again):
    """Nothing of what other tests saw."""


def test_this_machine_needs_no_token_in_the_local_profile(client):
    assert value(scrape(client), "juggernaut_up", dependency="database") == 1


def test_another_machine_does():
    assert far().get("/metrics").status_code == 401


def test_nor_is_a_request_from_a_page_in_a_browser_this_machine(client):
    assert client.get("/metrics", headers={"Origin": "https://elsewhere.example"}).status_code == 401


def test_in_production_this_machine_needs_one_too(client, settings):
    settings.IS_LOCAL = False

    assert client.get("/metrics").status_code == 401


@pytest.mark.parametrize("role", roles.ROLES)
def test_every_role_may_read_them_by_token(role):
    user = User.objects.create_user(role)
    roles.assign(user, role)

    found = scrape(far(), Authorization=token_of(user))

    assert value(found, "juggernaut_tasks", state="pending", worker="ANALYST") == 0


def test_a_token_without_the_permission_is_refused():
    headers = {"Authorization": token_of(make_user("nobody", "view_task"))}

    refused = far().get("/metrics", headers=headers)

    assert (refused.status_code, refused.json()["permission"]) == (403, "monitoring.view_metrics")


def test_prometheus_gets_the_format_that_it_asks_for(client):
    asked = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

    plain, open_metrics = client.get("/metrics"), client.get("/metrics", headers={"Accept": asked})

    assert plain["Content-Type"].startswith("text/plain")
    assert open_metrics["Content-Type"].startswith("application/openmetrics-text")
    assert open_metrics.content.endswith(b"# EOF\n")
    assert client.get("/metrics", headers={"Accept": "text/plain"}).status_code == 200


def test_without_the_database_it_says_so_and_no_more(client, database_at):
    database_at(1)

    found = parse(far().get("/metrics", headers={"Authorization": "Bearer cannot-be-checked"}))

    assert found.keys() == {"juggernaut_up"}
    assert value(found, "juggernaut_up", dependency="database") == 0
    assert value(found, "juggernaut_up", dependency="redis") == 1


def test_it_recovers_by_itself(client, database_at, look_again, monkeypatch):
    with monkeypatch.context() as away:
        away.setitem(_settings(), "HOST", "127.0.0.1")
        away.setitem(_settings(), "PORT", "1")
        assert value(scrape(client), "juggernaut_up", dependency="database") == 0
    look_again()

    assert value(scrape(client), "juggernaut_up", dependency="database") == 1


def test_a_frozen_database_holds_nobody_up(client, database_at, postgres):
    from tests.monitoring.conftest import frozen

    database_at(postgres.port)

    with frozen(postgres):
        assert value(scrape(client), "juggernaut_up", dependency="database") == 0


def test_a_slow_database_is_not_called_away(client, look_again, monkeypatch):
    slow = Question(
        "SELECT pg_sleep(60)::text AS slept", (Family("juggernaut_slept", "gauge", "No.", "slept"),)
    )
    monkeypatch.setattr(exposition, "QUESTIONS", (families.QUESTIONS[0], slow))
    monkeypatch.setattr(exposition, "PROBE_SECONDS", 0.3)

    found = scrape(client)

    assert value(found, "juggernaut_up", dependency="database") == 1
    assert value(found, "juggernaut_metrics_complete") == 0
    assert value(found, "juggernaut_fleet_paused") == 0


def test_without_redis_it_says_so(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    found = scrape(client)

    assert value(found, "juggernaut_up", dependency="redis") == 0
    assert value(found, "juggernaut_up", dependency="database") == 1


def test_it_cannot_be_posted_to(client):
    assert client.post("/metrics").status_code == 405


def _settings():
    from django.db import connection

    return connection.settings_dict


def test_the_redis_of_the_tests_is_really_asked():
    from django.conf import settings

    assert redis.Redis.from_url(settings.REDIS_URL).ping()
