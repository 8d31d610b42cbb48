"""Who may do what with dead letters through the API."""

from typing import Any
from uuid import uuid4

import pytest

from governance.models import DeadLetter, Task
from reliability import redrives
from tests.governance import samples
from tests.governance.api_client import Api
from tests.ids import NOBODYS_ID
from tests.reliability import letters

READ = {
    "dlq": "view_deadletter",
    "dlq/{letter}": "view_deadletter",
    "dlq/groups": "view_failuresignature",
    "dlq/groups/{group}": "view_failuresignature",
    "redrives": "view_deadletter",
    "redrives/{redrive}": "view_deadletter",
    "redrives/{redrive}/items": "view_deadletter",
}
WRITE: dict[str, tuple[str, dict[str, Any]]] = {
    "dlq/{letter}/retry": ("retry_deadletter", {"reason": "fixed"}),
    "dlq/{letter}/resolve": ("resolve_deadletter", {"note": "known"}),
    "dlq/resolve": ("resolve_deadletter", {"filter": {"task_type": "noop"}, "note": "known"}),
    "dlq/retry": ("retry_deadletter", {"filter": {"task_type": "noop"}, "reason": "fixed"}),
    "dlq/groups/{group}/triage": ("triage_failuresignature", {"triage": "known", "note": "known"}),
    "redrives": ("retry_deadletter", {"filter": {"task_type": "noop"}, "reason": "fixed"}),
    "redrives/preview": ("retry_deadletter", {"filter": {"task_type": "noop"}}),
    "redrives/{redrive}/pause": ("retry_deadletter", {}),
    "redrives/{redrive}/resume": ("retry_deadletter", {}),
    "redrives/{redrive}/abort": ("retry_deadletter", {"reason": "enough"}),
    "tasks/{task}/move-to-dlq": ("move_deadletter", {"reason": "stuck"}),
}


@pytest.fixture
def places(db: None) -> dict[str, Any]:
    gone = letters.dead("another kind")
    redrive = redrives.start([gone.pk], actor=samples.SYSTEM, reason="fixed")
    Task.objects.filter(pk=gone.task_id).delete()
    letter = letters.dead()
    return {"letter": letter.pk, "group": letter.signature_id, "task": uuid4(), "redrive": redrive.pk}


@pytest.mark.parametrize("path", READ)
def test_a_stranger_reads_nothing(nobody: Api, places: dict[str, Any], path: str):
    answer = nobody.get(path.format(**places))

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", WRITE)
def test_a_stranger_changes_nothing(nobody: Api, places: dict[str, Any], path: str):
    answer = nobody.post(path.format(**places), WRITE[path][1])

    assert answer.status_code == 401
    assert DeadLetter.objects.get().status == "pending"


@pytest.mark.parametrize(("path", "permission"), READ.items())
def test_reading_needs_a_permission(client_with, places: dict[str, Any], path: str, permission: str):
    answer = client_with("view_task").get(path.format(**places))

    assert answer.status_code == 403
    assert answer.json()["permission"] == f"governance.{permission}"
    assert client_with(permission, name="other").get(path.format(**places)).status_code == 200


@pytest.mark.parametrize("path", WRITE)
def test_every_verb_needs_a_permission_of_its_own(client_with, places: dict[str, Any], path: str):
    permission, body = WRITE[path]

    answer = client_with("view_deadletter", "retry_task").post(path.format(**places), body)

    assert answer.status_code == 403
    assert answer.json()["permission"] == f"governance.{permission}"
    assert DeadLetter.objects.get().status == "pending"


@pytest.mark.parametrize("name", ["letter-id", NOBODYS_ID])
def test_what_is_no_letter_is_not_found(operator: Api, name: str):
    answers = [
        operator.get(f"dlq/{name}"),
        operator.post(f"dlq/{name}/retry"),
        operator.post(f"dlq/{name}/resolve", {"note": "known"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert name in answers[0].json()["detail"]


@pytest.mark.parametrize("name", ["group-id", NOBODYS_ID])
def test_what_is_no_group_is_not_found(operator: Api, name: str):
    assert operator.get(f"dlq/groups/{name}").status_code == 404
    assert operator.post(f"dlq/groups/{name}/triage", {"triage": "open"}).status_code == 404


@pytest.mark.parametrize("name", ["redrive-id", NOBODYS_ID])
def test_what_is_no_redrive_is_not_found(operator: Api, name: str):
    answers = [
        operator.get(f"redrives/{name}"),
        operator.get(f"redrives/{name}/items"),
        operator.post(f"redrives/{name}/pause"),
        operator.post(f"redrives/{name}/resume"),
        operator.post(f"redrives/{name}/abort", {"reason": "enough"}),
    ]

    assert {answer.status_code for answer in answers} == {404}


def test_an_address_that_leads_nowhere_is_a_problem_document(operator: Api):
    answer = operator.get("dlq/groups/a/b/c")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
