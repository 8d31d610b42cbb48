"""The same key again: the first answer, and nothing created twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.db.models.functions import Now

from governance.errors import IdempotencyMismatch
from governance.models import Task, TaskEvent
from governance.tasks import schemas
from governance.tasks import services as tasks
from tests.governance import samples
from tests.governance.api_client import Api, make_user, token_of

pytestmark = pytest.mark.slow


def test_the_second_post_gets_the_first_answer(operator: Api):
    first = operator.post("tasks", samples.EVALUATION, Idempotency_Key="order 66")
    second = operator.post("tasks", samples.EVALUATION, Idempotency_Key="order 66")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second["Location"] == first["Location"]
    assert second["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert TaskEvent.objects.count() == Task.objects.count() == 1


def test_the_answer_stays_the_same_when_the_task_has_moved_on(operator: Api):
    first = operator.post("tasks", samples.EVALUATION, Idempotency_Key="k")
    operator.post(f"tasks/{first.json()['id']}/terminate", {"reason": "enough"})

    second = operator.post("tasks", samples.EVALUATION, Idempotency_Key="k")

    assert second.content == first.content
    assert Task.objects.get().status == "failed"


@pytest.mark.parametrize("is_waiting", [False, True], ids=["pending", "parked"])
def test_so_does_it_when_the_history_has_been_pruned(operator: Api, is_waiting: bool):
    before = operator.post("tasks", samples.EVALUATION).json()["id"]
    asked = samples.EVALUATION | ({"depends_on": [before]} if is_waiting else {})
    first = operator.post("tasks", asked, Idempotency_Key="k")
    Task.objects.filter(pk=before).update(status="completed", completed_at=Now())
    TaskEvent.objects.all().delete()

    second = operator.post("tasks", asked, Idempotency_Key="k")

    assert second.content == first.content
    assert first.json()["status"] == ("parked" if is_waiting else "pending")


def test_a_pruned_task_whose_dependency_was_there_already_had_not_been_parked(operator: Api):
    before = operator.post("tasks", samples.EVALUATION).json()["id"]
    Task.objects.filter(pk=before).update(status="completed", completed_at=Now())
    asked = samples.EVALUATION | {"depends_on": [before]}
    first = operator.post("tasks", asked, Idempotency_Key="k")
    TaskEvent.objects.all().delete()

    second = operator.post("tasks", asked, Idempotency_Key="k")

    assert second.content == first.content
    assert first.json()["status"] == "pending"


def test_the_same_key_for_another_task_is_refused(operator: Api):
    operator.post("tasks", samples.EVALUATION, Idempotency_Key="k")

    answer = operator.post("tasks", samples.EVALUATION | {"title": "Another"}, Idempotency_Key="k")

    assert answer.status_code == 422
    assert "'k' was used before for a different task" in answer.json()["detail"]
    assert Task.objects.count() == 1


def test_a_task_said_in_other_words_is_the_same_task(operator: Api):
    first = operator.post("tasks", samples.EVALUATION, Idempotency_Key="k")

    second = operator.post("tasks", {"priority": 0} | samples.EVALUATION, Idempotency_Key="k")

    assert second.content == first.content


def test_every_client_has_keys_of_its_own(client_with):
    for name in ("one", "two"):
        client_with("add_task", name=name).post("tasks", samples.EVALUATION, Idempotency_Key="k")

    assert Task.objects.count() == 2


def test_without_a_key_every_post_is_a_task(operator: Api):
    for _ in range(2):
        operator.post("tasks", samples.EVALUATION)

    assert Task.objects.count() == 2


def test_the_key_may_stand_in_the_body_or_in_the_header(operator: Api):
    in_body = operator.post("tasks", samples.EVALUATION | {"idempotency_key": "k"})

    in_header = operator.post("tasks", samples.EVALUATION, Idempotency_Key="k")
    in_both = operator.post("tasks", samples.EVALUATION | {"idempotency_key": "k"}, Idempotency_Key="k")

    assert in_body.content == in_header.content == in_both.content


@pytest.mark.parametrize("in_body", ["other", None, 5])
def test_two_different_keys_are_refused(operator: Api, in_body: object):
    answer = operator.post("tasks", samples.EVALUATION | {"idempotency_key": in_body}, Idempotency_Key="k")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_cannot_be_kept_is_refused(operator: Api, key: str):
    assert operator.post("tasks", samples.EVALUATION, Idempotency_Key=key).status_code == 400


def test_many_tasks_have_a_key_each(operator: Api):
    keyed = [samples.EVALUATION | {"idempotency_key": key} for key in ("a", "b", "a")]

    first = operator.post("tasks/bulk", {"tasks": keyed}).json()["tasks"]
    again = operator.post("tasks/bulk", {"tasks": keyed[:2]}).json()["tasks"]

    assert [task["replayed"] for task in first] == [False, False, True]
    assert first[0]["id"] == first[2]["id"] == again[0]["id"]
    assert Task.objects.count() == 2


def test_a_key_for_all_of_many_is_refused(operator: Api):
    answer = operator.post("tasks/bulk", {"tasks": [samples.EVALUATION]}, Idempotency_Key="k")

    assert answer.status_code == 400


def test_one_mismatch_among_many_creates_nothing(operator: Api):
    samples.submit(idempotency_key="a")
    other = schemas.parse(samples.EVALUATION | {"idempotency_key": "a", "title": "Another"})

    with pytest.raises(IdempotencyMismatch):
        tasks.submit([schemas.parse(samples.EVALUATION), other], actor=samples.SYSTEM)

    assert Task.objects.count() == 1


def test_fifty_posts_at_once_create_one_task(web_server: str):
    token = token_of(make_user("ci", "add_task"))
    headers = {"Authorization": token, "Idempotency-Key": "k"}

    def post(_: int) -> tuple[int, bytes]:
        answer = httpx.post(f"{web_server}/api/tasks", json=samples.EVALUATION, headers=headers, timeout=60)
        return answer.status_code, answer.content

    with ThreadPoolExecutor(50) as clients:
        answers = set(clients.map(post, range(50)))

    [(status, body)] = answers
    assert status == 201
    assert Task.objects.count() == TaskEvent.objects.count() == 1
    assert str(Task.objects.get().id).encode() in body


def test_bulks_with_the_same_keys_in_other_orders_do_not_lock_each_other(web_server: str):
    token = token_of(make_user("ci", "add_task"))
    keyed = [samples.EVALUATION | {"idempotency_key": str(n)} for n in range(3000)]

    def post(listed: list[dict[str, Any]]) -> int:
        return httpx.post(
            f"{web_server}/api/tasks/bulk",
            json={"tasks": listed},
            headers={"Authorization": token},
            timeout=60,
        ).status_code

    with ThreadPoolExecutor(2) as clients:
        statuses = set(clients.map(post, [keyed, keyed[::-1]]))

    assert statuses == {201}
    assert Task.objects.count() == 3000
