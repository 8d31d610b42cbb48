"""Every incident of the runbook is found, and what is offered mends it, by whichever interface."""

import shlex
from uuid import uuid4

import pytest
from django.core.management import call_command

from governance.access import roles
from monitoring import diagnosis
from monitoring.diagnosis import Severity
from reliability.breakers import client as gate
from reliability.breakers.models import CircuitBreaker
from tests.governance.api_client import of_role
from tests.governance.console import person
from tests.monitoring import incidents
from tests.monitoring.page_form import flaws, press
from tests.polling import until

pytestmark = pytest.mark.slow

MINDED = (*incidents.WITH_VERBS, *incidents.WITHOUT_VERBS)


@pytest.fixture(autouse=True)
def system(living_system):
    """A fresh installation with a breaker that nobody has used."""
    gate.close()
    CircuitBreaker.objects.all().delete()
    CircuitBreaker.objects.create(name=f"service-{uuid4().hex}")
    yield
    gate.close()


def found(incident):
    """The findings that tell of it."""
    [section] = diagnosis.run([incident.section])
    return [finding for finding in section.findings if incident.said in finding.said]


def by_command(remedy):
    arguments = shlex.split(remedy.command)
    assert arguments[:2] == ["python", "manage.py"]
    call_command(*arguments[2:])


def by_api(remedy):
    client, call = of_role("admin"), remedy.api
    answer = getattr(client, call.method.lower())(call.path.removeprefix("/api/"), dict(call.body))
    assert answer.status_code < 300, answer.content


@pytest.fixture
def by_button(client):
    admin = person()
    roles.assign(admin, "admin")
    client.force_login(admin)

    def mend(remedy):
        answer = press(client, remedy.button.address, dict(remedy.button.fields))
        assert answer.status_code == 302, flaws(answer)

    return mend


@pytest.mark.parametrize("incident", MINDED, ids=lambda incident: incident.name)
def test_an_incident_is_found_when_it_happens_and_not_before(incident):
    assert found(incident) == []

    incident.happens()

    [finding] = until(lambda: found(incident))
    assert finding.severity >= Severity.WARNING
    assert finding.evidence or finding.explanation
    assert finding.remedies or incident.name == "rate limits"


@pytest.mark.parametrize("door", ["command", "api", "button"])
@pytest.mark.parametrize("incident", incidents.WITH_VERBS, ids=lambda incident: incident.name)
def test_a_remedy_mends_it_by_each_door(incident, door, by_button, capsys):
    incident.happens()
    [finding] = until(lambda: found(incident))

    {"command": by_command, "api": by_api, "button": by_button}[door](finding.remedies[0])

    until(lambda: not found(incident))
