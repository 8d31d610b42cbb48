"""Alerts in the console: the list, the page of one, the verbs, the rules, and the overview's number."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.models import Alert, AlertMessage, AlertRule
from tests.governance.console import person
from tests.governance.gates_console import do, do_many, page, text, told

pytestmark = pytest.mark.django_db
ALERTS, RULES = "/admin/monitoring/alert/", "/admin/monitoring/alertrule/"
VIEWER = ("view_task", "monitoring.view_alert", "monitoring.view_alertrule")
OPERATOR = (*VIEWER, "monitoring.change_alert", "monitoring.change_alertrule")


@pytest.fixture
def operator():
    return _client(*OPERATOR)


@pytest.fixture
def viewer():
    return _client(*VIEWER)


@pytest.fixture
def alert():
    return Alert.objects.create(
        rule_id="breaker_open", subject="openrouter", said="openrouter is open <b>", remedy="reset it",
        evidence={"cause": "503"},
    )  # fmt: skip


def _client(*permissions):
    client = Client()
    client.force_login(person(*permissions))
    return client


def test_the_list_shows_what_is_not_resolved_unless_asked_otherwise(viewer, alert):
    Alert.objects.create(
        rule_id="ledger_drift", said="the books", state="resolved", resolved_at=timezone.now()
    )

    live, everything = page(viewer, ALERTS), page(viewer, f"{ALERTS}?state=all")

    assert "openrouter is open &lt;b&gt;" in live
    assert "the books" not in live
    assert "the books" in everything


def test_an_empty_list_says_whether_nothing_is_wrong_or_the_filter_hides_it(viewer, alert):
    hidden = text(page(viewer, f"{ALERTS}?severity=critical"))
    Alert.objects.update(state="resolved", resolved_at=timezone.now())

    assert "The filters hide everything" in hidden
    assert "Nothing is wrong, as far as anybody has found" in text(page(viewer, ALERTS))


def test_the_page_of_one_says_what_to_do_and_who_was_told(viewer, alert):
    AlertMessage.objects.create(
        alert=alert, kind="firing", channel="slack", target="hooks.example #1", told_at=timezone.now(),
        content={}, state="failed", error="it answered 500",
    )  # fmt: skip

    shown = text(page(viewer, f"{ALERTS}{alert.pk}/change/"))

    assert "Do: reset it" in shown
    assert "slack hooks.example #1" in shown
    assert "it answered 500" in shown


def test_nobody_was_told_says_where_to_set_it_up(viewer, alert):
    assert "JUGGERNAUT_ALERT_WEBHOOKS" in page(viewer, f"{ALERTS}{alert.pk}/change/")


def test_acknowledge_mute_and_unmute_from_its_page(operator, alert):
    acknowledged = do(operator, f"{ALERTS}{alert.pk}/acknowledge/", reason="on it")
    muted = do(operator, f"{ALERTS}{alert.pk}/mute/", until="", reason="known")
    until = (timezone.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    muted_then = do(operator, f"{ALERTS}{alert.pk}/mute/", until=until, reason="known")
    alert.refresh_from_db()
    is_muted = alert.muted_until > timezone.now()
    do(operator, f"{ALERTS}{alert.pk}/unmute/")
    alert.refresh_from_db()

    assert (acknowledged.status_code, told(acknowledged)) == (302, "Acknowledged 1 of 1 alerts.")
    assert muted.status_code == 200
    assert muted_then.status_code == 302
    assert (is_muted, alert.muted_until, alert.acknowledged_why) == (True, None, "on it")
    assert alert.acknowledged_by.startswith("user:user")


def test_many_at_once_say_what_was_left(operator, alert):
    other = Alert.objects.create(rule_id="ledger_drift", state="resolved", resolved_at=timezone.now())

    done = do_many(operator, f"{ALERTS}?state=all", "acknowledge_chosen", alert.pk, other.pk)

    assert told(done) == "Acknowledged 1 of 2 alerts. Left as they were: 1."


def test_a_mute_that_is_too_long_is_told_at_its_field(operator, alert):
    refused = do(operator, f"{ALERTS}{alert.pk}/mute/", until="2100-01-01T00:00")

    assert refused.status_code == 200
    assert "a time within the next 30 days is expected" in refused.content.decode()


@pytest.mark.parametrize("verb", ["acknowledge", "mute", "unmute"])
def test_viewers_get_no_buttons_and_no_way_around(viewer, alert, verb):
    assert f"/{verb}/" not in page(viewer, f"{ALERTS}{alert.pk}/change/")
    assert viewer.get(f"{ALERTS}{alert.pk}/{verb}/").status_code == 403
    assert f"{verb}_chosen" not in page(viewer, ALERTS)


def test_who_may_not_look_sees_nothing(alert):
    stranger = _client("view_task")

    assert stranger.get(ALERTS).status_code == 403
    assert "open alerts" not in page(stranger, "/admin/")


def test_buttons_that_would_change_nothing_are_not_there(operator, alert):
    Alert.objects.update(state="acknowledged")

    shown = page(operator, f"{ALERTS}{alert.pk}/change/")

    assert "/acknowledge/" not in shown
    assert "/unmute/" not in shown
    assert "/mute/" in shown


def test_a_rule_is_set_from_its_page(operator, viewer):
    address = f"{RULES}breaker_open/set/"
    done = do(operator, address, threshold="90", severity="critical", repeat_seconds="600", is_enabled="on")
    refused = do(operator, address, threshold="90", severity="critical", repeat_seconds="5")

    row = AlertRule.objects.get(pk="breaker_open")
    assert done.status_code == 302
    assert (row.threshold, row.severity, row.repeat_seconds, row.is_enabled) == (90, "critical", 600, True)
    assert "greater than or equal to 60" in refused.content.decode()
    assert "90 seconds" in text(page(operator, RULES))
    assert viewer.get(address).status_code == 403


def test_the_overview_counts_open_alerts_and_leads_to_them(viewer, alert):
    shown = page(viewer, "/admin/")

    assert f'href="{ALERTS}?state=open"><span class="jg-figure">1</span>' in shown


def test_the_list_asks_the_same_number_of_questions_however_many_there_are(
    viewer, alert, django_assert_max_num_queries
):
    page(viewer, ALERTS)
    for number in range(30):
        Alert.objects.create(rule_id="breaker_open", subject=f"service {number}")

    with django_assert_max_num_queries(12):
        page(viewer, ALERTS)
