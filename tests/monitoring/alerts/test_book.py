"""One row for each rule and subject, whoever finds it how often, and rows that SQL may touch."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from governance.models import AuditEntry, Worker
from monitoring.models import Alert
from tests.monitoring.alerts.findings import alert, break_down, recover

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def healthy(db):
    Worker.objects.update(last_heartbeat=timezone.now())


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_what_is_found_again_is_the_same_alert(look):
    break_down()

    changed = [look(), look()]

    assert changed == [1, 0]
    found = alert()
    assert (found.occurrences, found.state) == (1, "open")
    assert found.seen_at >= found.opened_at


def test_what_comes_again_opens_again_and_is_counted(look):
    break_down()
    look()
    sql("UPDATE alerts SET state = 'acknowledged'")
    recover()
    look()
    break_down()

    look()

    found = alert()
    assert (found.state, found.occurrences, found.resolved_at) == ("open", 2, None)
    assert (found.acknowledged_at, found.acknowledged_by) == (None, "")


def test_what_is_acknowledged_stays_so_while_it_lasts_and_then_ends(look):
    break_down()
    look()
    sql("UPDATE alerts SET state = 'acknowledged'")
    look()
    while_it_lasts = alert().state
    recover()
    look()

    assert while_it_lasts == "acknowledged"
    assert alert().state == "resolved"


def test_acknowledging_in_sql_says_who_and_when_and_is_audited(look):
    break_down()
    look()

    sql("UPDATE alerts SET state = 'acknowledged', acknowledged_why = 'on it'")

    found = alert()
    assert found.acknowledged_by.startswith("sql:")
    assert found.acknowledged_at is not None
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target) == ("alert.update", "alert breaker_open openrouter")
    before, after = entry.before or {}, entry.after or {}
    assert (before["state"], after["acknowledged_why"]) == ("open", "on it")


def test_resolving_and_opening_in_sql_are_whole_edges(look):
    sql("INSERT INTO alerts (rule_id, subject, said) VALUES ('ledger_drift', 'by hand', 'look at this')")
    sql("UPDATE alerts SET state = 'resolved'")
    resolved = alert()
    sql("UPDATE alerts SET state = 'open'")

    assert resolved.resolved_at is not None
    assert (alert().occurrences, alert().resolved_at) == (2, None)


def test_muting_in_sql_says_who_and_unmuting_forgets_it(look):
    break_down()
    look()
    sql("UPDATE alerts SET muted_until = now() + interval '1 hour', muted_why = 'known'")
    muted = alert()
    sql("UPDATE alerts SET muted_until = NULL")

    assert (muted.muted_by[:4], muted.muted_why) == ("sql:", "known")
    assert (alert().muted_by, alert().muted_why) == ("", "")


def test_finding_and_ending_are_the_machines_own_and_not_audited(look):
    break_down()
    look()
    recover()
    look()

    assert not AuditEntry.objects.exists()


def test_a_rule_of_the_operators_own_is_left_alone(look):
    sql("INSERT INTO alert_rules (name, says) VALUES ('backup', 'The nightly backup failed.')")
    sql("INSERT INTO alerts (rule_id, said) VALUES ('backup', 'no backup since Monday')")

    look()

    assert alert(rule="backup").state == "open"


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "asleep"}, {"severity": "fatal"}, {"occurrences": 0}, {"rule_id": "unheard of"},
        {"state": "resolved"}, {"state": "acknowledged"},
        {"resolved_at": timezone.now()},
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_refused(columns):
    row = Alert(**{"rule_id": "ledger_drift", "subject": "x"} | columns)

    with pytest.raises(IntegrityError), transaction.atomic():
        _insert(row)


def _insert(row):
    row.save(force_insert=True)
    connection.check_constraints()  # that of the rule is deferred


@pytest.mark.parametrize(
    "change", ["threshold = -1", "threshold = 'NaN'", "repeat_seconds = 59", "severity = 'loud'"]
)
def test_rules_that_cannot_be_are_refused(change):
    with pytest.raises(IntegrityError), transaction.atomic():
        sql(f"UPDATE alert_rules SET {change}")
