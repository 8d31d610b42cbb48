"""`GET /api/diagnosis`: what it answers, to whom, and while the database is away."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from monitoring import diagnosis
from tests.governance.api_client import Api, client_of, make_user, of_role
from tests.monitoring import incidents
from tests.monitoring.conftest import frozen

pytestmark = pytest.mark.slow

NOWHERE = 1
RUNBOOK: dict[str, Any] = {"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "127.0.0.1"}


def on_this_machine(**query):
    """A `curl` without a token, in the local profile."""
    return Client().get("/api/diagnosis", query, **RUNBOOK)


@pytest.fixture
def viewer(living_system):
    return of_role("viewer")


def test_every_section_is_answered_with_findings_and_severity(viewer):
    answer = viewer.get("diagnosis")

    told = answer.json()
    assert answer.status_code == 200
    assert list(told["sections"]) == diagnosis.known()
    assert {"ok", "warning"} >= {section["severity"] for section in told["sections"].values()} - {"notice"}


def test_a_remedy_is_told_as_sentence_command_call_and_button(viewer):
    incidents.pause_worker()

    [section] = viewer.get("diagnosis", section="workers").json()["sections"].values()

    [remedy] = [found["remedies"][0] for found in section["findings"] if "is paused" in found["said"]]
    assert remedy["command"] == "python manage.py resume ANALYST --reason 'found by diagnose'"
    assert remedy["api"] == {
        "method": "POST",
        "path": "/api/workers/ANALYST/resume",
        "body": {"reason": "found by diagnose"},
    }
    assert remedy["button"]["permission"] == "governance.change_worker"
    assert remedy["button"]["address"] == "/admin/governance/worker/"


@pytest.mark.parametrize("asked", ["redis,workers", ["workers", "redis"]])
def test_sections_are_chosen_by_comma_or_by_repeating(viewer, asked):
    told = viewer.get("diagnosis", section=asked).json()

    assert list(told["sections"]) == ["redis", "workers"]


def test_the_command_and_the_api_tell_the_same(viewer, capsys):
    call_command("diagnose", "redis", "--json")

    told = viewer.get("diagnosis", section="redis").json()

    printed = json.loads(capsys.readouterr().out)
    assert printed["sections"]["redis"]["severity"] == told["sections"]["redis"]["severity"] == "ok"
    assert set(printed) == set(told)


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ({"section": "nothing"}, "section", "unknown section 'nothing'; expected one of: database, redis"),
        ({"sections": "redis"}, "sections", "unknown filter; expected one of: section"),
    ],
)
def test_a_wrong_question_is_told_so(viewer, query, field, said):
    answer = viewer.get("diagnosis", **query)

    [error] = answer.json()["errors"]
    assert answer.status_code == 400
    assert (error["field"], error["message"][: len(said)]) == (field, said)


def test_it_is_for_who_may_see_workers(living_system):
    assert Api().get("diagnosis").status_code == 401
    assert client_of(make_user("ci", "view_task")).get("diagnosis").status_code == 403
    assert client_of(make_user("dog", "view_worker")).get("diagnosis", section="redis").status_code == 200


def test_this_machine_needs_no_token_in_the_local_profile_alone(living_system, settings):
    assert on_this_machine(section="redis").status_code == 200

    settings.IS_LOCAL = False

    assert on_this_machine(section="redis").status_code == 401


def test_while_the_database_is_away_this_machine_gets_the_diagnosis(living_system, look_anew, database_at):
    database_at(NOWHERE)

    answer = on_this_machine(section="database")

    told = answer.json()["sections"]["database"]["findings"]
    assert answer.status_code == 200
    assert told[0]["said"].startswith("database connection failed: ")
    assert told[0]["remedies"][0]["command"] == 'psql $DATABASE_URL -c "SELECT 1"'


def test_while_the_database_is_away_others_are_told_so(living_system, look_anew, database_at):
    asked = of_role("admin")
    database_at(NOWHERE)

    answer = asked.get("diagnosis")

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "1"
    assert answer.json()["detail"].startswith("database connection failed: ")
    assert "manage.py diagnose" in answer.json()["detail"]


def test_a_frozen_database_holds_nobody_up(living_system, look_anew, database_at, postgres):
    asked = of_role("admin")
    database_at(postgres.port)

    with frozen(postgres):
        answer = asked.get("diagnosis")
        mine = on_this_machine()

    assert answer.status_code == 503
    told = mine.json()["sections"]
    assert told["database"]["severity"] == "critical"
    assert list(told) == diagnosis.known()
