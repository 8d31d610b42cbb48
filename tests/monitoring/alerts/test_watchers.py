"""The sweep looks under a permission of its own, and the web processes look when there is no sweep."""

import logging

import pytest
from django.db import connection
from django.utils import timezone

from governance.access import permissions
from governance.models import Worker
from monitoring.alerts.standby_evaluator import StandbyEvaluator
from monitoring.models import Alert
from reliability.models import WatchdogSweep
from reliability.watchdog import sweep
from reliability.watchdog.loop import Watchdog
from tests.governance import samples
from tests.monitoring.alerts.findings import MINUTE, alert, break_down, live, recover

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def heard_of(db):
    Worker.objects.update(last_heartbeat=timezone.now())


def watchdog():
    return Watchdog(owner="me", duties={"alerts": sweep.DUTIES["alerts"]})


def lookout():
    """Of a web process that has been running for an hour."""
    running = StandbyEvaluator()
    running.began_at -= 3600
    running.evaluator.touch()
    running.evaluator.in_touch_since -= 3600
    return running


def late():
    Worker.objects.filter(pk="WATCHDOG").update(last_heartbeat=timezone.now() - 2 * MINUTE)


def test_the_sweep_looks_and_says_what_changed():
    break_down()

    watchdog().round()

    assert WatchdogSweep.objects.latest("pk").counts == {"alerts": 1}
    assert live() == [("breaker_open", "openrouter")]


def test_it_stops_when_its_permission_is_revoked_and_says_so(client, caplog):
    permissions.revoke("WATCHDOG", "watchdog.alerts", actor=samples.SYSTEM)
    break_down()

    watchdog().round()

    assert live() == []
    assert "watchdog duty 'alerts' is stopped: permission" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_health_names_the_duty_that_is_stopped(client, living_system):
    permissions.revoke("WATCHDOG", "watchdog.alerts", actor=samples.SYSTEM)

    assert client.get("/health").json()["watchdog"]["stopped_duties"] == ["watchdog.alerts"]


def test_no_two_duties_have_one_name():
    with pytest.raises(ValueError, match="has a duty 'alerts' already"):
        sweep.register("alerts", lambda now: 0)


def test_a_web_process_leaves_alone_what_the_watchdog_looks_at():
    break_down()

    lookout().round()

    assert live() == []


def test_a_web_process_stands_in_for_a_late_watchdog_and_tells_people(hook):
    late()
    break_down()

    lookout().round()

    assert live() == [("breaker_open", "openrouter"), ("watchdog_late", "WATCHDOG")]
    assert len(hook.asked) == 2


def test_it_misses_silent_workers_too():
    looking = lookout()
    looking.round()
    late()
    Worker.objects.filter(pk="ANALYST").update(last_heartbeat=timezone.now() - 2 * MINUTE)

    looking.round()

    assert live() == [("watchdog_late", "WATCHDOG"), ("worker_silent", "ANALYST")]


def test_two_web_processes_and_a_standby_make_one_alert_and_one_message(hook):
    late()

    for looking in (lookout(), lookout()):
        looking.round()

    assert (alert().occurrences, len(hook.asked)) == (1, 1)


def test_the_alert_ends_when_a_watchdog_is_back(hook, caplog):
    caplog.set_level(logging.WARNING, logger="monitoring.alerts.standby_evaluator")
    late()
    looking = lookout()
    looking.round()

    watchdog().round()
    looking.round()

    assert Alert.objects.get(rule="watchdog_late").state == "resolved"
    said = [record.message for record in caplog.records if "the watchdog is" in record.message]
    assert said == ["the watchdog is late: alerts are looked for here", "the watchdog is back"]


@pytest.mark.parametrize("heard_at", [None, timezone.now() - 600 * MINUTE])
def test_a_watchdog_is_given_the_time_to_start(heard_at):
    Worker.objects.filter(pk="WATCHDOG").update(last_heartbeat=heard_at)
    looking = StandbyEvaluator()
    looking.round()
    at_first = live()
    looking.began_at -= 120

    looking.round()

    assert at_first == []
    assert live() == [("watchdog_late", "WATCHDOG")]


def test_it_acts_under_the_watchdogs_permission():
    permissions.revoke("WATCHDOG", "watchdog.alerts", actor=samples.SYSTEM)
    late()

    lookout().round()

    assert live() == []


@pytest.mark.django_db(transaction=True)
def test_it_sits_an_outage_of_the_database_out(monkeypatch, caplog, rules):
    looking = lookout()
    with monkeypatch.context() as away:
        connection.close()
        away.setitem(connection.settings_dict, "PORT", "1")
        looking.round()
    late()
    recover()

    looking.round()

    assert "database connection failed" in caplog.text
    assert live() == [("watchdog_late", "WATCHDOG")]
