"""Retry, resolve and move through the API, for one letter and for many."""

from typing import Any
from uuid import uuid4

import pytest

from governance.models import DeadLetter, Task, TaskEvent
from juggernaut.api.resources.dead_letters import dead_letters as letters_api
from reliability.dead_letters import services as dead_letters
from tests.governance import lives, samples
from tests.governance.api_client import Api
from tests.ids import NOBODYS_ID
from tests.reliability import letters

pytestmark = pytest.mark.django_db


def in_state(status: str) -> DeadLetter:
    letter = letters.dead()
    if status == "retrying":
        dead_letters.retry([letter.pk], actor=samples.SYSTEM, reason="")
    if status == "resolved":
        dead_letters.resolve([letter.pk], actor=samples.SYSTEM, note="known")
    return letter


def status_of(letter: DeadLetter) -> str:
    return DeadLetter.objects.get(pk=letter.pk).status


@pytest.mark.parametrize("body", [None, {}, {"reason": "fixed"}])
def test_a_retry_starts_the_task_with_fresh_attempts(operator: Api, body: dict[str, str] | None):
    letter = in_state("pending")

    answer = operator.post(f"dlq/{letter.pk}/retry", body)

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(letter.pk),
        "url": f"http://testserver/api/dlq/{letter.pk}",
        "status": "retrying",
    }
    task = Task.objects.get(pk=letter.task_id)
    assert (task.status, task.error_attempts, status_of(letter)) == ("pending", 0, "retrying")
    last = TaskEvent.objects.filter(task_id=task.pk).order_by("seq").last()
    assert (last.actor, last.reason) == ("user:operator", (body or {}).get("reason", ""))


def test_a_retry_without_a_body_is_one_on_a_real_web_server_too(operator: Api):
    letter = in_state("pending")
    as_gunicorn_says_it: dict[str, Any] = {
        "CONTENT_LENGTH": "",
        "CONTENT_TYPE": "",
        "wsgi.input_terminated": True,
    }

    answer = operator.client.post(f"/api/dlq/{letter.pk}/retry", **as_gunicorn_says_it)

    assert (answer.status_code, status_of(letter)) == (200, "retrying")


@pytest.mark.parametrize("found", ["pending", "retrying"])
def test_an_open_letter_is_resolved_with_a_note(operator: Api, found: str):
    letter = in_state(found)

    answer = operator.post(f"dlq/{letter.pk}/resolve", {"note": "credentials updated"})

    assert (answer.status_code, answer.json()["status"]) == (200, "resolved")
    letter.refresh_from_db()
    assert (letter.status, letter.resolution, letter.resolved_by) == (
        "resolved",
        "credentials updated",
        "user:operator",
    )


@pytest.mark.parametrize(
    ("verb", "found"), [("retry", "retrying"), ("retry", "resolved"), ("resolve", "resolved")]
)
def test_too_late_names_the_state_found(operator: Api, verb: str, found: str):
    letter = in_state(found)

    answer = operator.post(f"dlq/{letter.pk}/{verb}", {"note": "x"} if verb == "resolve" else None)

    assert answer.status_code == 409
    assert answer.json()["found"] == found
    assert status_of(letter) == found


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": " "}, {"note": None}, {"note": "a\x00"}])
def test_who_resolves_says_why(operator: Api, body: dict[str, object]):
    letter = in_state("pending")

    answer = operator.post(f"dlq/{letter.pk}/resolve", body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "note"
    assert status_of(letter) == "pending"


def test_a_selection_is_resolved_and_the_others_are_named(operator: Api):
    mine, done, unknown = in_state("pending"), in_state("resolved"), uuid4()
    asked = [str(mine.pk), str(done.pk), str(unknown), str(mine.pk)]

    answer = operator.post("dlq/resolve", {"ids": asked, "note": "known"})

    assert answer.json() == {
        "moved": 1,
        "skipped": 2,
        "skipped_letters": [{"id": str(done.pk), "found": "resolved"}, {"id": str(unknown), "found": None}],
    }


def test_all_open_letters_that_match_are_resolved(operator: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dead_letters, "BATCH", 2)
    mine = [letters.dead("connection reset") for _ in range(5)]
    other = letters.dead("bad request")

    answer = operator.post("dlq/resolve", {"filter": {"matching": "connection"}, "note": "known"})

    assert answer.json() == {"moved": 5, "skipped": 0, "skipped_letters": []}
    assert {status_of(letter) for letter in mine} == {"resolved"}
    assert status_of(other) == "pending"


def test_more_than_a_request_may_wait_for_is_refused(operator: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(letters_api, "MAX_MATCHING", 1)
    made = [letters.dead() for _ in range(2)]

    answer = operator.post("dlq/resolve", {"filter": {"task_type": "noop"}, "note": "known"})

    assert answer.status_code == 400
    assert "2 open dead letters match" in answer.json()["detail"]
    assert {status_of(letter) for letter in made} == {"pending"}


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"filter": {}},
        {"ids": []},
        {"ids": ["letter-id"]},
        {"ids": [NOBODYS_ID], "filter": {"status": "pending"}},
        {"filter": {"state": "pending"}},
        {"filter": {"status": []}},
        {"ids": None},
        {"all": True},
    ],
)
def test_nothing_is_resolved_that_nobody_named(operator: Api, chosen: dict[str, object]):
    letter = in_state("pending")

    answer = operator.post("dlq/resolve", {**chosen, "note": "known"})

    assert answer.status_code == 400
    assert status_of(letter) == "pending"


@pytest.mark.parametrize("found", lives.LIVE)
def test_a_live_task_is_moved_to_the_dead_letters(operator: Api, found: str):
    task_id = lives.held().id if found == "in_progress" else lives.in_state(found)

    answer = operator.post(f"tasks/{task_id}/move-to-dlq", {"reason": "rate limit exceeded"})

    assert answer.status_code == 200
    letter = DeadLetter.objects.get(open_task_id=task_id)
    assert answer.json()["id"] == str(letter.pk)
    assert (letter.cause, letter.error_message, lives.status(task_id)) == (
        "operator",
        "rate limit exceeded",
        "failed",
    )


@pytest.mark.parametrize("found", lives.ENDED)
def test_a_task_that_has_ended_is_not_moved(operator: Api, found: str):
    task_id = lives.in_state(found)

    answer = operator.post(f"tasks/{task_id}/move-to-dlq", {"reason": "stuck"})

    assert answer.status_code == 409
    assert answer.json()["found"] == found


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "a\x00"}])
def test_who_moves_a_task_says_why(operator: Api, body: dict[str, str]):
    task_id = lives.make().pk

    answer = operator.post(f"tasks/{task_id}/move-to-dlq", body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "reason"
    assert lives.status(task_id) == "pending"


@pytest.mark.parametrize("name", ["task-id", NOBODYS_ID])
def test_what_is_no_task_is_not_found(operator: Api, name: str):
    assert operator.post(f"tasks/{name}/move-to-dlq", {"reason": "stuck"}).status_code == 404
