"""Terminate, cancel and retry in the console: with a reason, by permission, told in numbers."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from governance.db import uuid7
from governance.models import AuditEntry, Task, TaskEvent, Worker
from governance.tasks import services as tasks
from juggernaut.console.actions import bulk
from tests.governance.console import SEED, complete, person, status, submit
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db
TASKS = "/admin/governance/task/"


@pytest.fixture
def operator(client):
    client.force_login(person("view_task", "terminate_task", "cancel_task", "retry_task"))
    return client


def ask(client, action, *ids, address=TASKS, **more):
    return client.post(address, {"action": action, "_selected_action": [str(i) for i in ids], **more})


def confirm(client, action, *ids, reason="because", **more):
    return ask(client, action, *ids, confirmed="1", reason=reason, **more)


def told(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.mark.parametrize(("verb", "ends"), [("terminate", "failed"), ("cancel", "cancelled")])
def test_a_destructive_action_asks_first_and_then_does_it_with_the_reason(operator, verb, ends):
    task_id = submit()

    asked = ask(operator, f"{verb}_chosen", task_id)
    assert asked.status_code == 200
    assert f"{verb.capitalize()} 1 task?" in asked.content.decode()
    assert status(task_id) == "pending"

    done = confirm(operator, f"{verb}_chosen", task_id, reason="no longer needed")

    assert done.status_code == 302
    assert status(task_id) == ends
    event = TaskEvent.objects.get(task_id=task_id, to_status=ends)
    assert event.reason == "no longer needed"
    assert event.actor.startswith("user:")


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_destroyed(operator, reason):
    task_id = submit()

    response = confirm(operator, "terminate_chosen", task_id, reason=reason)

    assert "A reason is needed" in response.content.decode()
    assert status(task_id) == "pending"


def test_retry_needs_no_reason(operator):
    task_id = submit()
    tasks.cancel([task_id], actor=SEED, reason="mistake")

    confirm(operator, "retry_chosen", task_id, reason="")

    assert status(task_id) == "pending"


def test_it_tells_in_numbers_what_was_done_and_skipped_and_why(operator):
    done = submit()
    complete(done)
    fresh = submit()

    response = confirm(operator, "cancel_chosen", done, fresh, uuid4())

    assert told(response) == "Cancelled 1 task. Skipped 1: 1 completed."


def test_tasks_that_vanished_are_told_too():
    ids = [uuid4(), uuid4()]
    outcome = tasks.Outcome(moved={ids[0]: "pending"}, skipped={})

    assert bulk.result_message(bulk.RETRY, ids, outcome) == "Retried 1 task. 1 task no longer existed."


def test_the_question_says_what_would_be_skipped(operator):
    done = submit()
    complete(done)
    live = submit()

    page = ask(operator, "terminate_chosen", done, live).content.decode()

    assert "Terminate 1 task?" in page
    assert "1 completed" in page


@pytest.mark.parametrize("verb", ["terminate", "cancel", "retry"])
def test_each_action_is_offered_to_those_alone_who_hold_its_permission(client, verb):
    client.force_login(person("view_task", f"{verb}_task"))
    submit()

    offered = dict(client.get(TASKS).context["action_form"].fields["action"].choices)

    assert set(offered) == {"", f"{verb}_chosen"}


@pytest.mark.parametrize("verb", ["terminate", "cancel", "retry"])
def test_who_lacks_the_permission_cannot_do_it_by_hand_either(client, verb):
    client.force_login(person("view_task"))
    task_id = submit()
    if verb == "retry":
        tasks.cancel([task_id], actor=SEED, reason="")
    before = status(task_id)

    confirm(client, f"{verb}_chosen", task_id)
    button = client.post(f"{TASKS}{task_id}/{verb}/", {"confirmed": "1", "reason": "mine"})

    assert button.status_code == 403
    assert status(task_id) == before


def test_the_service_refuses_although_the_page_would_allow(client, monkeypatch):
    from juggernaut.console.pages.tasks.tasks import TaskAdmin

    monkeypatch.setattr(TaskAdmin, "has_cancel_permission", lambda *_: True)
    client.force_login(person("view_task"))
    task_id = submit()

    response = confirm(client, "cancel_chosen", task_id)

    assert response.status_code == 403
    assert status(task_id) == "pending"


def test_all_that_match_means_all_that_matched_when_it_was_asked(operator):
    early = [submit("match") for _ in range(3)]
    other = submit("other")
    address = f"{TASKS}?q=match"
    asked = ask(operator, "cancel_chosen", early[0], address=address, select_across="1")
    assert "Cancel 3 tasks?" in asked.content.decode()
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked.content.decode()))
    late = uuid7.lower_bound(timezone.now() + timedelta(seconds=1))
    Task.objects.create(pk=late, title="match, but later", task_type="evaluation")

    operator.post(address, hidden | {"reason": "superseded"})

    assert [status(task_id) for task_id in early] == ["cancelled"] * 3
    assert status(other) == status(late) == "pending"


def test_all_that_match_are_not_touched_when_they_are_another_number_than_was_asked_for(operator):
    ids = [submit("match") for _ in range(3)]
    address = f"{TASKS}?q=match&status=pending"
    chosen = {"address": address, "select_across": "1", "seen_count": "4"}
    asked = ask(operator, "cancel_chosen", ids[0], **chosen).content.decode()
    assert "<strong>3</strong>, where the list had said 4" in asked
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked))
    tasks.cancel(ids[:1], actor=SEED, reason="meanwhile")

    again = operator.post(address, hidden | {"reason": "superseded"}).content.decode()

    assert "Nothing was done: 2 match now, not 3 as when you were asked." in again
    assert [status(task_id) for task_id in ids] == ["cancelled", "pending", "pending"]
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', again))
    assert told(operator.post(address, hidden | {"reason": "superseded"})) == "Cancelled 2 tasks."


def test_all_that_match_need_a_number_that_was_confirmed(operator):
    task_id = submit("match")

    answer = confirm(operator, "cancel_chosen", task_id, address=f"{TASKS}?q=match", select_across="1")

    assert "Nothing was done" in answer.content.decode()
    assert status(task_id) == "pending"


def test_at_most_so_many_at_a_time_and_it_says_so(operator, monkeypatch):
    monkeypatch.setattr(bulk, "LISTED", 2)
    ids = [submit() for _ in range(3)]

    asked = ask(operator, "cancel_chosen", *ids)
    confirm(operator, "cancel_chosen", *ids)

    assert "At most 2 at a time" in asked.content.decode()
    assert sorted(map(status, ids)) == ["cancelled", "cancelled", "pending"]


@pytest.mark.parametrize(
    ("prepare", "buttons"), [(None, {"cancel", "terminate"}), ("cancel", {"retry"}), ("complete", set())]
)
def test_the_task_s_page_has_the_buttons_that_would_do_something(operator, prepare, buttons):
    task_id = submit()
    if prepare == "cancel":
        tasks.cancel([task_id], actor=SEED, reason="")
    elif prepare == "complete":
        complete(task_id)

    page = operator.get(f"{TASKS}{task_id}/change/").content.decode()

    assert {verb for verb in ("cancel", "terminate", "retry") if f"/{task_id}/{verb}/" in page} == buttons


def test_a_button_asks_and_then_does_it_and_leads_back_to_the_task(operator):
    task_id = submit()
    address = f"{TASKS}{task_id}/terminate/"

    assert "Terminate 1 task?" in operator.get(address).content.decode()
    assert status(task_id) == "pending"
    done = operator.post(address, {"confirmed": "1", "reason": "stuck"})

    assert done.url == f"{TASKS}{task_id}/change/"
    assert status(task_id) == "failed"


def test_a_button_that_comes_too_late_says_in_which_state_it_found_the_task(operator):
    task_id = submit()
    complete(task_id)

    response = operator.post(f"{TASKS}{task_id}/cancel/", {"confirmed": "1", "reason": "late"})

    assert told(response) == "Cancelled 0 tasks. Skipped 1: 1 completed."
    assert status(task_id) == "completed"


@pytest.mark.parametrize("wrong", [NOBODYS_ID, "nonsense"])
def test_a_verb_on_no_task_is_not_found(operator, wrong):
    assert operator.get(f"{TASKS}{wrong}/cancel/").status_code == 404


@pytest.fixture
def manager(client):
    client.force_login(person("view_worker", "change_worker"))
    return client


def test_workers_are_paused_and_resumed_and_it_says_which(manager):
    address = "/admin/governance/worker/"
    asked = ask(manager, "pause_chosen", "EXECUTOR", "ANALYST", address=address)
    assert "Pause 2 workers?" in asked.content.decode()
    assert Worker.objects.get(pk="EXECUTOR").status == "active"

    paused = confirm(manager, "pause_chosen", "EXECUTOR", "ANALYST", reason="bad prompts", address=address)
    again = confirm(manager, "pause_chosen", "EXECUTOR", address=address)
    resumed = confirm(manager, "resume_chosen", "EXECUTOR", reason="", address=address)

    assert told(paused) == "Paused 2 workers."
    assert told(again).endswith("Paused 0 workers. Skipped 1: 1 paused.")
    assert told(resumed).endswith("Resumed 1 worker.")
    assert AuditEntry.objects.filter(action="worker.pause", reason="bad prompts").count() == 2
    assert dict(Worker.objects.filter(pk__in=["EXECUTOR", "ANALYST"]).values_list("pk", "status")) == {
        "EXECUTOR": "active",
        "ANALYST": "paused",
    }


def test_a_worker_s_concurrency_and_status_are_edited_and_nothing_else(manager):
    heard_at = Worker.objects.get(pk="EXECUTOR").last_heartbeat

    manager.post(
        "/admin/governance/worker/EXECUTOR/change/",
        {
            "status": "paused",
            "max_concurrency": "7",
            "reason": "too busy",
            "version": "forged",
            "worker_id": "MINE",
        },
    )

    worker = Worker.objects.get(pk="EXECUTOR")
    assert (worker.status, worker.max_concurrency) == ("paused", 7)
    assert (worker.version, worker.last_heartbeat) == ("", heard_at)


def test_whoever_pauses_a_worker_on_its_page_says_why(manager):
    page = manager.post(
        "/admin/governance/worker/EXECUTOR/change/", {"status": "paused", "max_concurrency": "100"}
    )

    assert "Whoever pauses a worker says why." in page.content.decode()
    assert Worker.objects.get(pk="EXECUTOR").status == "active"


def test_an_impossible_concurrency_is_refused(manager):
    manager.post("/admin/governance/worker/EXECUTOR/change/", {"status": "active", "max_concurrency": "0"})

    assert Worker.objects.get(pk="EXECUTOR").max_concurrency == 100


def test_who_may_only_look_at_workers_cannot_pause_them(client):
    client.force_login(person("view_worker"))

    ask(client, "pause_chosen", "EXECUTOR", address="/admin/governance/worker/")
    edited = client.post("/admin/governance/worker/EXECUTOR/change/", {"status": "paused"})

    assert edited.status_code == 403
    assert Worker.objects.get(pk="EXECUTOR").status == "active"
