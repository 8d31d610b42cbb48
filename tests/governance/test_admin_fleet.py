"""The big red button in the console, and the banner that everybody sees while it is pressed."""

import pytest

from governance.models import Fleet
from governance.workers import services as worker_services
from tests.governance.console import person
from tests.governance.samples import SYSTEM

pytestmark = pytest.mark.django_db
FLEET = "/admin/governance/fleet/FLEET/"
PAGES = ["/admin/", "/admin/governance/task/", "/admin/governance/worker/EXECUTOR/change/"]


@pytest.fixture
def operator(client):
    client.force_login(person("view_fleet", "pause_fleet", "view_task", "view_worker"))
    return client


def test_the_fleet_is_paused_with_a_reason_and_resumed(operator):
    asked = operator.get(f"{FLEET}pause/")
    assert "Pause 1 fleet?" in asked.content.decode()
    silent = operator.post(f"{FLEET}pause/", {"confirmed": "1", "reason": " "})
    assert Fleet.objects.get().status == "active"
    assert "A reason is needed" in silent.content.decode()

    operator.post(f"{FLEET}pause/", {"confirmed": "1", "reason": "runaway spending"})
    fleet = Fleet.objects.get()
    assert (fleet.status, fleet.reason) == ("paused", "runaway spending")
    assert fleet.paused_by.startswith("user:")

    operator.post(f"{FLEET}resume/", {"confirmed": "1", "reason": ""})
    assert Fleet.objects.get().status == "active"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_the_fleet_is_paused_and_offers_to_resume_it(operator, page):
    assert "The fleet is paused" not in operator.get(page).content.decode()
    worker_services.pause_fleet(actor=SYSTEM, reason="<b>runaway</b> spending")

    shown = operator.get(page).content.decode()

    assert "The fleet is paused by command:tests." in shown
    assert "&lt;b&gt;runaway&lt;/b&gt; spending" in shown
    assert f'href="{FLEET}resume/"' in shown


def test_the_button_is_offered_to_those_alone_who_may(client):
    client.force_login(person("view_task", "view_fleet"))
    worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")

    shown = client.get("/admin/governance/task/").content.decode()

    assert "The fleet is paused" in shown
    assert f'href="{FLEET}resume/"' not in shown
    assert client.post(f"{FLEET}resume/", {"confirmed": "1"}).status_code == 403
    assert Fleet.objects.get().status == "paused"


def test_the_page_of_the_fleet_offers_the_one_button_that_changes_something(operator):
    assert "Pause the fleet" in operator.get(f"{FLEET}change/").content.decode()
    worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")

    shown = operator.get(f"{FLEET}change/").content.decode()

    assert f'{FLEET}pause/"' not in shown
    assert f'{FLEET}resume/"' in shown


def test_no_fleet_of_another_name_is_paused(operator):
    assert operator.get("/admin/governance/fleet/NAVY/pause/").status_code == 404


def test_nobody_who_has_not_logged_in_learns_of_it(client):
    worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")

    assert "The fleet is paused" not in client.get("/admin/login/").content.decode()
