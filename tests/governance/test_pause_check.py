"""The pause check: what a running task is told before each of its calls."""

from uuid import uuid4

import pytest
from django.db import InternalError, connection, transaction

from governance.audit import log as audit
from governance.models import AuditEntry, Fleet, Worker
from governance.tasks import transitions
from governance.tasks.waits import WaitKind
from governance.workers import pause_check
from tests.governance import samples

pytestmark = pytest.mark.django_db


def _sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_running_task_goes_on():
    task_id, _, token = samples.running()

    found = pause_check.check("ANALYST", task_id, token)

    assert found == pause_check.PauseCheck(is_held=True, wait=None)


@pytest.mark.parametrize("lost", ["token", "cancelled", "gone"])
def test_a_task_that_was_taken_away_is_not_held(lost):
    task_id, _, token = samples.running()
    if lost == "cancelled":
        transitions.cancel([task_id], actor="tests", reason="not wanted")

    found = pause_check.check("ANALYST", uuid4() if lost == "gone" else task_id, token - (lost == "token"))

    assert not found.is_held


def test_a_paused_worker_says_who_paused_it_and_why():
    task_id, _, token = samples.running()
    with audit.acting(samples.SYSTEM, verb="pause", reason="its prompts are wrong"):
        Worker.objects.filter(pk="ANALYST").update(status="paused")

    wait = pause_check.check("ANALYST", task_id, token).wait

    assert (wait.kind, wait.name, wait.summary) == (WaitKind.PAUSE, "ANALYST", "pause of ANALYST")
    assert wait.sentence.startswith("ANALYST is paused by command:tests since 2")
    assert wait.sentence.endswith(": its prompts are wrong")
    assert pause_check.check("EXECUTOR", task_id, token).wait is None


def test_a_fleet_paused_in_sql_stops_every_worker_and_says_who_did_it():
    task_id, _, token = samples.running()

    _sql("UPDATE fleet SET status = 'paused', reason = 'runaway spending'")

    wait = pause_check.check("ANALYST", task_id, token).wait
    assert wait.name == "FLEET"
    assert wait.sentence.startswith("the fleet is paused by sql:")
    assert wait.sentence.endswith(": runaway spending")
    told = AuditEntry.objects.get(target="fleet FLEET")
    assert told.actor.startswith("sql:")
    assert ((told.before or {}).get("status"), (told.after or {}).get("status")) == ("active", "paused")


def test_a_resumed_fleet_forgets_why_it_was_paused():
    _sql("UPDATE fleet SET status = 'paused', reason = 'runaway spending'")

    _sql("UPDATE fleet SET status = 'active'")

    fleet = Fleet.objects.get()
    assert (fleet.paused_by, fleet.reason, fleet.paused_at) == ("", "", None)


def test_a_fleet_of_which_nothing_is_known_counts_as_paused():
    task_id, _, token = samples.running()
    _sql("ALTER TABLE fleet DISABLE TRIGGER fleet_stays")
    _sql("DELETE FROM fleet")

    wait = pause_check.check("ANALYST", task_id, token).wait

    assert wait.name == "FLEET"
    assert "no row FLEET" in wait.sentence


def test_the_row_of_the_fleet_cannot_be_deleted():
    with pytest.raises(InternalError, match="the row of the fleet stays"), transaction.atomic():
        _sql("DELETE FROM fleet")


def test_heartbeats_of_a_worker_are_not_audited_but_its_concurrency_is():
    _sql("UPDATE worker_registry SET last_heartbeat = now(), version = '2' WHERE worker_id = 'ANALYST'")
    assert not AuditEntry.objects.exists()

    _sql("UPDATE worker_registry SET max_concurrency = 3 WHERE worker_id = 'ANALYST'")

    told = AuditEntry.objects.get()
    assert (told.target, told.action, (told.after or {})["max_concurrency"]) == (
        "worker ANALYST",
        "worker.update",
        3,
    )
