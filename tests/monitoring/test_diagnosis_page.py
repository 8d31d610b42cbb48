"""The console's page of the diagnosis: what it shows, which buttons, and while the database is away."""

import re

import pytest
from django.db import connection

from tests.governance.console import person
from tests.monitoring import incidents
from tests.monitoring.conftest import frozen
from tests.reliability import letters
from tests.reliability.console import text

pytestmark = pytest.mark.slow

NOWHERE = 1
PAGE = "/admin/diagnosis/"


@pytest.fixture
def viewer(client, living_system):
    client.force_login(person("view_worker"))
    return client


def test_every_section_says_what_was_found(viewer):
    said = text(viewer.get(PAGE))

    for words in ("Database ok", "Redis ok", "Workers ok", "no dead letter is open", "Look again"):
        assert words in said
    assert "reachable: PostgreSQL" in said
    assert "warning no watchdog leads at the moment" in said


def test_one_section_is_looked_at_alone(viewer):
    html = viewer.get(PAGE, {"section": "redis"}).content.decode()

    assert re.findall(r'<section class="jg-card" id="([^"]+)"', html) == ["redis"]
    assert '<a href="?section=redis" aria-current="page">Redis</a>' in html


def test_an_unknown_section_is_not_found(viewer):
    assert viewer.get(PAGE, {"section": "nothing"}).status_code == 404


def test_a_finding_comes_with_evidence_reason_and_remedy(viewer):
    incidents.pause_fleet()

    said = text(viewer.get(PAGE, {"section": "workers"}))

    assert "It works, and will hurt if nobody acts." in said
    assert "warning the fleet is paused, for 0 s" in said
    assert "no running task makes another call" in said
    assert "python manage.py resume --fleet" in said
    assert "POST /api/fleet/resume" in said


def test_a_button_is_offered_to_who_may_press_it(client, viewer):
    incidents.pause_fleet()
    address = "/admin/governance/fleet/FLEET/resume/"

    assert address not in viewer.get(PAGE).content.decode()
    assert "needs the permission governance.pause_fleet" in text(viewer.get(PAGE))

    client.force_login(person("view_worker", "view_fleet", "pause_fleet"))
    assert f'<a class="jg-button" href="{address}"' in client.get(PAGE).content.decode()


def test_what_the_system_holds_is_shown_as_text(viewer):
    letters.dead_many(12, "<script>alert(1)</script>")

    html = viewer.get(PAGE, {"section": "dlq"}).content.decode()

    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_it_is_for_who_may_see_workers(client, living_system):
    assert client.get(PAGE)["Location"].startswith("/admin/login/")

    client.force_login(person("view_task"))

    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/admin/").content.decode()


def test_it_stands_in_the_navigation(viewer):
    assert f'href="{PAGE}"' in viewer.get("/admin/").content.decode()


def test_while_the_database_is_away_it_shows_what_anybody_may_know(viewer, look_anew, database_at):
    database_at(NOWHERE)

    answer = viewer.get(PAGE)

    said = text(answer)
    assert answer.status_code == 503
    assert "The database does not answer" in said
    assert "Database down database connection failed: Connection refused" in said
    assert "Redis ok" in said
    assert "python manage.py diagnose" in said


def test_while_the_database_is_frozen_too(viewer, look_anew, database_at, postgres):
    database_at(postgres.port)

    with frozen(postgres):
        answer = viewer.get(PAGE)

    assert answer.status_code == 503
    assert "no answer within" in text(answer)


def test_every_page_of_the_console_says_so_when_it_fails_for_that(viewer, look_anew, monkeypatch):
    viewer.raise_request_exception = False
    connection.close()

    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", str(NOWHERE))
        answer = viewer.get("/admin/governance/task/")
        connection.close()

    assert answer.status_code == 503
    assert "The database does not answer" in text(answer)
