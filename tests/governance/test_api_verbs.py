"""Cancel, terminate and retry through the API, for one task and for many."""

from uuid import uuid4

import pytest

from governance.models import Task, TaskEvent
from tests.governance import samples
from tests.governance.api_client import Api
from tests.ids import NOBODYS_ID

LIVE = ["pending", "in_progress", "parked"]
ENDED = ["completed", "failed", "cancelled"]
ALLOWED = [
    *(("cancel", found, "cancelled") for found in LIVE),
    *(("terminate", found, "failed") for found in LIVE),
    *(("retry", found, "pending") for found in ("failed", "cancelled")),
]
TOO_LATE = [
    *(("cancel", found) for found in ENDED),
    *(("terminate", found) for found in ENDED),
    *(("retry", found) for found in (*LIVE, "completed")),
]


@pytest.mark.parametrize(("verb", "found", "then"), ALLOWED)
def test_a_verb_moves_the_task_and_says_where(operator: Api, verb: str, found: str, then: str):
    task_id = samples.in_state(found)

    answer = operator.post(f"tasks/{task_id}/{verb}", {"reason": "asked for"})

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(task_id),
        "url": f"http://testserver/api/tasks/{task_id}",
        "status": then,
    }
    assert Task.objects.get(pk=task_id).status == then
    last = TaskEvent.objects.filter(task_id=task_id).order_by("seq").last()
    assert (last.from_status, last.actor, last.reason) == (found, "user:operator", "asked for")


@pytest.mark.parametrize(("verb", "found"), TOO_LATE)
def test_too_late_names_the_state_found(operator: Api, verb: str, found: str):
    task_id = samples.in_state(found)

    answer = operator.post(f"tasks/{task_id}/{verb}", {"reason": "asked for"})

    assert answer.status_code == 409
    assert answer.json()["found"] == found
    assert Task.objects.get(pk=task_id).status == found


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": None}, {"reason": "a\x00"}]
)
def test_who_destroys_gives_a_reason(operator: Api, verb: str, body: dict[str, object]):
    task_id = samples.submit()

    answer = operator.post(f"tasks/{task_id}/{verb}", body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "reason"
    assert Task.objects.get(pk=task_id).status == "pending"


def test_who_destroys_sends_a_body(operator: Api):
    assert operator.post(f"tasks/{samples.submit()}/cancel").status_code == 415


@pytest.mark.parametrize("body", [None, {}, {"reason": "fixed"}])
def test_a_retry_needs_no_reason(operator: Api, body: dict[str, str] | None):
    assert operator.post(f"tasks/{samples.in_state('failed')}/retry", body).status_code == 200


@pytest.mark.parametrize("name", [NOBODYS_ID, "task-id"])
@pytest.mark.parametrize("verb", ["cancel", "terminate", "retry"])
def test_what_is_no_task_is_not_found(operator: Api, verb: str, name: str):
    assert operator.post(f"tasks/{name}/{verb}", {"reason": "why"}).status_code == 404


def test_an_unknown_field_is_refused(operator: Api):
    answer = operator.post(f"tasks/{samples.submit()}/cancel", {"reason": "why", "force": True})

    assert answer.json()["errors"][0]["field"] == "force"


def test_many_are_moved_and_the_others_named_with_the_reason(operator: Api):
    done, live, unknown = samples.in_state("completed"), samples.submit(), uuid4()

    answer = operator.post(
        "tasks/cancel", {"ids": [str(live), str(done), str(unknown), str(live)], "reason": "enough"}
    )

    assert answer.json() == {
        "moved": 1,
        "skipped": 2,
        "skipped_tasks": [
            {"id": str(done), "found": "completed"},
            {"id": str(unknown), "found": None},
        ],
    }
    assert Task.objects.get(pk=live).status == "cancelled"


@pytest.mark.parametrize(("verb", "found"), [("terminate", "pending"), ("retry", "failed")])
def test_other_verbs_for_many(operator: Api, verb: str, found: str):
    ids = [str(samples.in_state(found)) for _ in range(3)]

    assert operator.post(f"tasks/{verb}", {"ids": ids, "reason": "why"}).json()["moved"] == 3


@pytest.mark.parametrize("ids", [[], ["task-id"], None, "all"])
def test_many_means_a_list_of_ids(operator: Api, ids: object):
    answer = operator.post("tasks/terminate", {"ids": ids, "reason": "why"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("ids")
