"""Acknowledge, mute, unmute and set a rule: by service, API and command; who may, why, and what is kept."""

import json
from datetime import timedelta

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from governance.access.actors import Actor
from governance.errors import Forbidden, InvalidInput
from governance.models import AuditEntry
from monitoring.alerts import services
from monitoring.models import Alert, AlertRule
from tests.governance.api_client import client_of, make_user, of_role
from tests.ids import NOBODYS_ID
from tests.reliability.commands import run, run_json

pytestmark = pytest.mark.django_db
ANN = Actor("user:ann", is_trusted=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def alert(db):
    """An open one."""
    return Alert.objects.create(rule_id="breaker_open", subject="openrouter", said="it is open")


@pytest.fixture
def other(db):
    """One that is over."""
    return Alert.objects.create(
        rule_id="ledger_drift", subject="ledger", state="resolved", resolved_at=timezone.now()
    )


def stand(alert):
    alert.refresh_from_db()
    return alert


def entry():
    return AuditEntry.objects.get()


# ------------------------------------------------------------------------------------ the service


def test_acknowledging_is_kept_with_who_and_why(alert, other):
    outcome = services.acknowledge([alert.pk, other.pk], actor=ANN, reason="on it")

    assert (outcome.moved, outcome.skipped) == ({alert.pk: "acknowledged"}, {other.pk: "resolved"})
    assert (stand(alert).acknowledged_by, alert.acknowledged_why) == ("user:ann", "on it")
    assert (entry().actor, entry().action, entry().reason) == ("user:ann", "alert.acknowledge", "on it")


def test_muting_and_unmuting_are_kept(alert):
    until = timezone.now() + HOUR
    services.mute([alert.pk], until, actor=ANN, reason="known")
    muted = (stand(alert).muted_until, alert.muted_by, alert.muted_why)
    services.unmute([alert.pk], actor=ANN, reason="no longer")

    assert muted == (until, "user:ann", "known")
    assert stand(alert).muted_until is None
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["alert.mute", "alert.unmute"]


def test_unmuting_what_is_not_muted_skips_it(alert):
    assert services.unmute([alert.pk], actor=ANN).skipped == {alert.pk: "open"}


@pytest.mark.parametrize("away", [-HOUR, timedelta(days=31)])
def test_a_mute_has_an_end_to_come_within_thirty_days(alert, away):
    with pytest.raises(InvalidInput, match="until: a time within the next 30 days"):
        services.mute([alert.pk], timezone.now() + away, actor=ANN, reason="x")


def test_both_need_a_reason(alert):
    with pytest.raises(InvalidInput, match="reason"):
        services.acknowledge([alert.pk], actor=ANN, reason=" ")
    with pytest.raises(InvalidInput, match="reason"):
        services.mute([alert.pk], timezone.now() + HOUR, actor=ANN, reason="")


@pytest.mark.parametrize(
    "verb",
    [
        lambda ids, actor: services.acknowledge(ids, actor=actor, reason="x"),
        lambda ids, actor: services.mute(ids, timezone.now() + HOUR, actor=actor, reason="x"),
        lambda ids, actor: services.unmute(ids, actor=actor),
        lambda ids, actor: services.set_rule("breaker_open", {"threshold": 1}, actor=actor, reason="x"),
    ],
)
def test_none_of_them_is_for_viewers(alert, verb):
    with pytest.raises(Forbidden):
        verb([alert.pk], Actor("user:eve", user=make_user("eve", "view_task")))


def test_a_rule_is_set_and_audited():
    services.set_rule(
        "breaker_open", {"threshold": 120.5, "severity": "critical"}, actor=ANN, reason="calmer"
    )

    row = AlertRule.objects.get(pk="breaker_open")
    assert (row.threshold, row.severity, row.repeat_seconds) == (120.5, "critical", 3600)
    assert (entry().action, entry().target) == ("alert_rule.set", "alert_rule breaker_open")
    assert (entry().before["threshold"], entry().after["threshold"]) == (30, 120.5)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"threshold": -1}, "threshold"), ({"threshold": float("nan")}, "threshold"),
        ({"repeat_seconds": 59}, "repeat_seconds"), ({"severity": "loud"}, "severity"),
        ({"is_enabled": "maybe"}, "is_enabled"), ({"says": "x"}, "says"), ({}, "body"),
    ],
)  # fmt: skip
def test_what_a_rule_cannot_be_names_the_field(said, field):
    with pytest.raises(InvalidInput) as refused:
        services.set_rule("breaker_open", said, actor=ANN, reason="x")

    assert [error.field for error in refused.value.errors] == [field]


# ---------------------------------------------------------------------------------------- the API


def test_the_api_lists_filters_and_shows(alert, other):
    viewer = of_role("viewer")

    listed = viewer.get("alerts").json()["alerts"]
    only = viewer.get("alerts", state="open,acknowledged", rule="breaker_open").json()["alerts"]
    shown = viewer.get(f"alerts/{alert.pk}").json()

    assert {row["subject"] for row in listed} == {"openrouter", "ledger"}
    assert [row["id"] for row in only] == [str(alert.pk)]
    assert only[0]["url"].endswith(f"/api/alerts/{alert.pk}")
    assert (shown["said"], shown["messages"]) == ("it is open", [])


def test_the_api_pages(alert, other):
    viewer = of_role("viewer")

    first = viewer.get("alerts", limit=1).json()
    second = viewer.client.get(first["next"]).json()

    assert [row["subject"] for row in first["alerts"] + second["alerts"]] == ["ledger", "openrouter"]
    assert second["next"] is None


def test_operators_act_by_the_api(alert):
    operator = of_role("operator")
    until = (timezone.now() + HOUR).isoformat()

    acknowledged = operator.post(f"alerts/{alert.pk}/acknowledge", {"reason": "on it"})
    again = operator.post(f"alerts/{alert.pk}/acknowledge", {"reason": "on it"})
    muted = operator.post(f"alerts/{alert.pk}/mute", {"reason": "known", "until": until})
    unmuted = operator.post(f"alerts/{alert.pk}/unmute")
    not_muted = operator.post(f"alerts/{alert.pk}/unmute")

    assert (acknowledged.status_code, acknowledged.json()["state"]) == (200, "acknowledged")
    assert acknowledged.json()["acknowledged_by"] == "user:operator"
    assert (again.status_code, again.json()["found"]) == (409, "acknowledged")
    assert muted.json()["muted_why"] == "known"
    assert unmuted.json()["muted_until"] is None
    assert not_muted.status_code == 409


def test_rules_are_set_by_the_api():
    operator = of_role("operator")

    changed = operator.patch("alerts/rules/breaker_open", {"threshold": 90, "reason": "calmer"})
    listed = {row["name"]: row for row in operator.get("alerts/rules").json()["rules"]}

    assert (changed.status_code, changed.json()["threshold"]) == (200, 90)
    assert listed["breaker_open"]["threshold"] == 90
    assert operator.patch("alerts/rules/nonsense", {"threshold": 1, "reason": "x"}).status_code == 404


@pytest.mark.parametrize("verb", ["acknowledge", "mute", "unmute"])
def test_who_may_only_look_may_only_look(alert, verb):
    body = {"reason": "x", **({"until": "2100-01-01T00:00Z"} if verb == "mute" else {})}
    viewer, nobody = of_role("viewer"), client_of(make_user("nobody"))

    assert viewer.post(f"alerts/{alert.pk}/{verb}", body).status_code in {400, 403}
    assert stand(alert).state == "open"
    for path in ("alerts", f"alerts/{alert.pk}", "alerts/rules"):
        assert nobody.get(path).status_code == 403
    assert viewer.patch("alerts/rules/breaker_open", {"threshold": 1, "reason": "x"}).status_code == 403


def test_without_a_token_there_is_nothing(client, alert):
    assert client.get("/api/alerts").status_code == 401


@pytest.mark.parametrize("name", [NOBODYS_ID, "nonsense"])
def test_an_alert_that_there_is_not_is_404(name):
    operator = of_role("operator")

    assert operator.get(f"alerts/{name}").status_code == 404
    assert operator.post(f"alerts/{name}/acknowledge", {"reason": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "x"}, "until"), ({"until": "soon", "reason": "x"}, "until"),
        ({"until": "2026-11-30T08:00", "reason": "x"}, "until"), ({"until": "2100-01-01T00:00Z"}, "reason"),
        ({"until": "2100-01-01T00:00Z", "reason": "x"}, "until"),
        ({"until": "2100-01-01T00:00Z", "reason": "x", "why": "y"}, "why"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_names_the_field(alert, body, field):
    refused = of_role("operator").post(f"alerts/{alert.pk}/mute", body)

    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_an_unknown_filter_is_an_error():
    assert of_role("viewer").get("alerts", colour="red").status_code == 400


# ----------------------------------------------------------------------------------- the commands


def test_commands_list_acknowledge_mute_and_unmute(alert, other):
    listed = run("list_alerts")
    everything = run_json("list_alerts", "--state", "open", "--state", "resolved")
    acknowledged = run("ack_alert", alert.pk, other.pk, "--reason", "on it")
    muted = run("mute_alert", alert.pk, "--minutes", 60, "--reason", "known")
    shown = run("list_alerts", "--rule", "breaker_open")
    unmuted = run_json("unmute_alert", alert.pk)

    assert listed.count("\n") == 0
    assert "warning breaker_open (open) since" in listed
    assert "it is open" in listed
    assert {row["subject"] for row in everything} == {"openrouter", "ledger"}
    assert acknowledged == "acknowledged: 1; skipped: 1 (1 resolved)"
    assert muted == "muted: 1; skipped: 0"
    assert "(acknowledged by command:" in shown
    assert ", muted until 20" in shown
    assert unmuted == {"changed": [str(alert.pk)], "skipped": {}}


def test_without_alerts_the_list_says_so():
    assert run("list_alerts") == "There are no such alerts."


def test_rules_are_listed_and_set_by_command():
    said = run(
        "set_alert_rule", "breaker_open", "--threshold", 90, "--no-enabled",
        "--repeat-seconds", 600, "--reason", "calmer",
    )  # fmt: skip
    listed = run("list_alerts", "--rules")

    assert said == "breaker_open (off): 90 seconds, warning, told every 600 s"
    assert "breaker_open (off): warning, 90 seconds, told every 600 s. A circuit breaker that" in listed


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["ack_alert", "nonsense", "--reason", "x"], "'nonsense' is not the id of an alert"),
        (["ack_alert", NOBODYS_ID, "--reason", "x"], "no alert has the id"),
        (["mute_alert", "ID", "--until", "soon", "--reason", "x"], "until: ISO 8601 with a zone is expected"),
        (["mute_alert", "ID", "--minutes", "0", "--reason", "x"], "until: a time within the next 30 days"),
        (["set_alert_rule", "nonsense", "--threshold", "1", "--reason", "x"], "no alert rule has the name"),
        (["set_alert_rule", "breaker_open", "--reason", "x"], "say what to set: is_enabled, severity"),
        (["set_alert_rule", "breaker_open", "--severity", "loud", "--reason", "x"], "severity: "),
    ],
)
def test_a_command_that_cannot_be_done_says_why(alert, arguments, error):
    named = [str(alert.pk) if word == "ID" else word for word in arguments]

    with pytest.raises(CommandError) as refused:
        run(*named)

    assert error in str(refused.value)


def test_json_is_one_document(alert):
    assert json.loads(run("list_alerts", "--json"))[0]["id"] == str(alert.pk)
