"""Pause and resume of workers and of the fleet: who may, what it does, what is kept of it."""

import pytest
from django.core.management import CommandError

from governance.access.actors import Actor
from governance.errors import Forbidden, InvalidInput, WorkerNotFound
from governance.models import AuditEntry, Fleet, Worker
from governance.tasks import transitions
from governance.workers import services as worker_services
from tests.governance import lives
from tests.governance.budgets import sql
from tests.governance.samples import SYSTEM
from tests.governance.test_task_commands import run, run_json

pytestmark = pytest.mark.django_db


def test_a_paused_fleet_is_given_nothing_and_a_resumed_one_is_again():
    task_id = lives.in_state("pending")

    worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")
    assert lives.claim() == []

    worker_services.resume_fleet(actor=SYSTEM)
    assert [task.id for task in lives.claim()] == [task_id]


def test_suspects_are_not_claimed_from_a_paused_fleet():
    lives.crashed(2)

    sql("UPDATE fleet SET status = 'paused'")

    assert lives.claim_suspect() == []


def test_a_fleet_of_which_nothing_is_known_is_given_nothing():
    lives.in_state("pending")
    sql("ALTER TABLE fleet DISABLE TRIGGER fleet_stays")
    sql("DELETE FROM fleet")

    assert lives.claim() == []
    assert worker_services.fleet().status == "paused"


def test_who_pauses_the_fleet_is_kept_with_the_reason_and_in_the_audit_log():
    assert worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")

    fleet = Fleet.objects.get()
    assert (fleet.status, fleet.paused_by, fleet.reason) == ("paused", "command:tests", "runaway spending")
    told = AuditEntry.objects.get()
    assert (told.action, told.actor, told.reason) == ("fleet.pause", "command:tests", "runaway spending")


def test_pausing_what_is_paused_changes_nothing_and_is_told():
    worker_services.pause_fleet(actor=SYSTEM, reason="first")
    worker_services.pause(["ANALYST"], actor=SYSTEM, reason="first")

    assert not worker_services.pause_fleet(actor=SYSTEM, reason="second")
    assert worker_services.pause(["ANALYST"], actor=SYSTEM, reason="second").skipped == {"ANALYST": "paused"}

    assert Fleet.objects.get().reason == "first"
    assert AuditEntry.objects.count() == 2


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_pause_needs_a_reason(reason):
    with pytest.raises(InvalidInput, match="reason"):
        worker_services.pause_fleet(actor=SYSTEM, reason=reason)
    with pytest.raises(InvalidInput, match="reason"):
        worker_services.pause(["ANALYST"], actor=SYSTEM, reason=reason)

    assert Fleet.objects.get().status == "active"


def test_an_unknown_worker_is_named_and_nobody_is_paused():
    with pytest.raises(WorkerNotFound, match="unknown worker 'NOBODY'; expected one of: ANALYST, "):
        worker_services.pause(["ANALYST", "NOBODY"], actor=SYSTEM, reason="bad prompts")

    assert Worker.objects.get(pk="ANALYST").status == "active"


@pytest.mark.parametrize(
    "verb",
    [
        lambda actor: worker_services.pause(["ANALYST"], actor=actor, reason="x"),
        lambda actor: worker_services.resume(["ANALYST"], actor=actor),
        lambda actor: worker_services.pause_fleet(actor=actor, reason="x"),
        lambda actor: worker_services.resume_fleet(actor=actor),
    ],
    ids=["pause", "resume", "pause_fleet", "resume_fleet"],
)
def test_nobody_without_the_permission_turns_anything(verb):
    with pytest.raises(Forbidden):
        verb(Actor("user:eve"))


class TestCommands:
    def test_pause_and_resume_workers(self):
        assert run("pause", "ANALYST", "EXECUTOR", "--reason", "bad prompts") == "paused: ANALYST, EXECUTOR"
        assert run_json("pause", "ANALYST", "--reason", "again") == {
            "changed": {},
            "skipped": {"ANALYST": "paused"},
        }
        assert run("resume", "ANALYST") == "resumed: ANALYST"
        assert run("resume", "ANALYST") == "resumed: none; ANALYST is active already"

    def test_pause_and_resume_the_fleet(self):
        assert run("pause", "--fleet", "--reason", "runaway spending") == "paused: the fleet"
        assert run("pause", "--fleet", "--reason", "x") == "the fleet is paused already"
        assert run_json("resume", "--fleet") == {"fleet": "active", "changed": True}

    @pytest.mark.parametrize("arguments", [[], ["ANALYST", "--fleet"]])
    def test_refuse_what_names_nothing_or_both(self, arguments):
        with pytest.raises(CommandError, match="name workers, or say --fleet"):
            run("pause", *arguments, "--reason", "x")

    def test_name_the_workers_that_there_are(self):
        with pytest.raises(CommandError, match="unknown worker 'NOBODY'"):
            run("pause", "NOBODY", "--reason", "x")


class TestApi:
    def test_a_worker_is_paused_and_resumed(self, client_with):
        api = client_with("change_worker")

        paused = api.post("workers/ANALYST/pause", {"reason": "bad prompts"})
        again = api.post("workers/ANALYST/pause", {"reason": "bad prompts"})
        resumed = api.post("workers/ANALYST/resume")

        assert paused.json() == {"worker_id": "ANALYST", "status": "paused", "changed": True}
        assert again.json()["changed"] is False
        assert resumed.json() == {"worker_id": "ANALYST", "status": "active", "changed": True}

    def test_the_fleet_is_paused_and_resumed_and_says_who_did_it(self, client_with):
        api = client_with("pause_fleet", "view_fleet")

        assert api.post("fleet/pause", {"reason": "runaway spending"}).json() == {
            "status": "paused",
            "changed": True,
        }

        told = api.get("fleet").json()
        assert (told["status"], told["paused_by"], told["reason"]) == (
            "paused",
            "user:ci",
            "runaway spending",
        )
        assert told["paused_at"]
        assert api.post("fleet/resume").json() == {"status": "active", "changed": True}

    @pytest.mark.parametrize("path", ["workers/ANALYST/pause", "fleet/pause"])
    def test_a_pause_without_a_reason_is_a_bad_request_that_names_the_field(self, client_with, path):
        answer = client_with("change_worker", "pause_fleet").post(path, {})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "reason"

    def test_an_unknown_worker_is_not_found(self, client_with):
        answer = client_with("change_worker").post("workers/NOBODY/pause", {"reason": "x"})

        assert answer.status_code == 404
        assert "expected one of" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "path", ["workers/ANALYST/pause", "workers/ANALYST/resume", "fleet/pause", "fleet/resume"]
    )
    def test_who_may_not_is_forbidden_and_who_is_nobody_must_say_who(self, client_with, nobody, path):
        assert client_with("view_worker").post(path, {"reason": "x"}).status_code == 403
        assert nobody.post(path, {"reason": "x"}).status_code == 401

    def test_the_fleet_is_shown_to_those_alone_who_may_look(self, client_with):
        assert client_with("view_worker").get("fleet").status_code == 403


def test_running_tasks_of_a_paused_fleet_are_not_touched():
    task = lives.held()

    worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")

    assert lives.status(task.id) == "in_progress"
    assert transitions.renew({task.id: task.token}) == set()
