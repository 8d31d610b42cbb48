"""`POST /api/tasks` and `POST /api/tasks/bulk`."""

import io
import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel

from governance.models import Task, TaskEvent, Worker
from governance.tasks import registry as task_types
from tests.governance import samples
from tests.governance.api_client import Api
from tests.ids import NOBODYS_ID


def test_a_new_task_is_answered_with_its_id_and_address(operator: Api):
    answer = operator.post("tasks", samples.EVALUATION | {"priority": 7})

    task = Task.objects.get()
    assert answer.status_code == 201
    assert answer["Location"] == answer.json()["url"] == f"http://testserver/api/tasks/{task.id}"
    assert answer.json() == {
        "id": str(task.id),
        "url": answer["Location"],
        "title": "Health check",
        "task_type": "evaluation",
        "status": "pending",
        "assigned_worker": "ANALYST",
        "priority": 7,
        "created_at": task.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert (task.created_by, task.payload) == ("user:operator", samples.METRIC)
    assert TaskEvent.objects.get().actor == "user:operator"


def test_a_dependency_that_is_not_done_parks_the_new_task(operator: Api):
    first = samples.submit()

    answer = operator.post("tasks", samples.EVALUATION | {"depends_on": [str(first)]})

    assert answer.json()["status"] == "parked"
    detail = operator.get(f"tasks/{answer.json()['id']}").json()
    assert (detail["waiting_for"], detail["depends_on"]) == ("dependencies", [str(first)])


WRONG_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"task_type": "evaluate"}, "task_type", "expected one of: agent, evaluation"),
    ({"task_type": None}, "task_type", "string"),
    ({"payload": {"eval_type": "metric"}}, "payload.metric_value", "required"),
    ({"payload": samples.METRIC | {"metric_value": "many"}}, "payload.metric_value", "got 'many'"),
    ({"payload": samples.METRIC | {"metric_value": True}}, "payload.metric_value", "got True"),
    ({"payload": samples.METRIC | {"mimimum": 1}}, "payload.mimimum", "not permitted"),
    ({"payload": samples.METRIC | {"minimum": 2, "maximum": 1}}, "payload", "minimum 2 is above maximum 1"),
    ({"payload": []}, "payload", "dictionary"),
    ({"payload": {"a": "\x00"}}, "payload", "U+0000"),
    ({"payload": {"a\x00": 1}}, "payload", "U+0000"),
    ({"title": "a\x00b"}, "title", "U+0000"),
    ({"title": "x" * 201}, "title", "200"),
    ({"titel": "x"}, "titel", "not permitted"),
    ({"priority": 101}, "priority", "100"),
    ({"priority": True}, "priority", "integer"),
    ({"priority": "1"}, "priority", "integer"),
    ({"max_attempts": 0}, "max_attempts", "1"),
    ({"timeout_seconds": 10**9}, "timeout_seconds", "604800"),
    ({"max_cost_usd": "-1"}, "max_cost_usd", "0"),
    ({"max_cost_usd": "NaN"}, "max_cost_usd", "finite"),
    ({"max_cost_usd": "0.0000000001"}, "max_cost_usd", "9 decimal"),
    ({"run_after": "2030-01-01T00:00:00"}, "run_after", "timezone"),
    ({"run_after": "0001-01-01T00:00:00+14:00"}, "run_after", "2000"),
    ({"deadline": "9999-12-31T23:59:59-12:00"}, "deadline", "2199"),
    ({"run_after": "2030-01-02T00:00:00Z", "deadline": "2030-01-01T00:00:00Z"}, "deadline", "later"),
    ({"assigned_worker": "NOBODY"}, "assigned_worker", "ANALYST, EXECUTOR"),
    ({"assigned_worker": "WATCHDOG"}, "assigned_worker", "cannot run 'evaluation'"),
    ({"parent": NOBODYS_ID}, "parent", "no task has the id"),
    ({"parent": "first"}, "parent", "UUID"),
    ({"depends_on": [NOBODYS_ID]}, "depends_on", "no task has the id"),
    ({"idempotency_key": ""}, "idempotency_key", "1"),
]


@pytest.mark.parametrize(("fields", "field", "said"), WRONG_FIELDS)
def test_a_wrong_field_is_named_with_what_was_expected(operator: Api, fields, field: str, said: str):
    answer = operator.post("tasks", samples.EVALUATION | fields)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert said in answer.json()["errors"][0]["message"]
    assert not Task.objects.exists()


def test_all_wrong_fields_are_named_at_once(operator: Api):
    answer = operator.post("tasks", samples.EVALUATION | {"priority": -1, "title": 5})

    assert {error["field"] for error in answer.json()["errors"]} == {"priority", "title"}


UNREADABLE: list[tuple[bytes, str]] = [
    (b" ", "Expecting value"),
    (b"{", "line 1, column 2"),
    (b"[]", "object is expected"),
    (b"null", "object is expected"),
    (b'"text"', "object is expected"),
    (b'{"title": NaN}', "NaN is not JSON"),
    (b'{"title": -Infinity}', "-Infinity is not JSON"),
    (b'{"title": 1e999}', "too large"),
    (b'{"title": 18446744073709551616}', "64 bits"),
    (b'{"title": ' + b"9" * 10_000 + b"}", "64 bits"),
    (b'{"title": "a", "title": "b"}', "'title' stands twice"),
    (b'{"title": "\xff"}', "not UTF-8"),
    (b'{"title": "\\ud800"}', "surrogates"),
    (b'{"\\ud800": 1}', "surrogates"),
    (b"[" * 200_000, "deep"),
    (b'{"a":' * 100_000, "deep"),
    (b"\xef\xbb\xbf{}", "Expecting value"),
    (b'{"title": "a\nb"}', "control character"),
]


@pytest.mark.parametrize(("body", "said"), UNREADABLE)
def test_a_body_that_cannot_be_read_one_way_is_refused(operator: Api, body: bytes, said: str):
    answer = operator.post("tasks", body)

    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert not Task.objects.exists()


def test_a_payload_may_be_deep_but_not_too_deep(operator: Api):
    def nested(levels: int) -> dict[str, Any]:
        deep = json.loads("[" * levels + "]" * levels)
        return {"task_type": "evaluation", "payload": samples.METRIC | {"a": deep}}

    assert "payload.a" in {error["field"] for error in operator.post("tasks", nested(98)).json()["errors"]}
    assert "nested more than" in operator.post("tasks", nested(101)).json()["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(operator: Api, content_type: str):
    body = json.dumps(samples.EVALUATION)

    answer = operator.client.post("/api/tasks", body, content_type=content_type)

    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


def test_a_content_type_may_name_its_charset(operator: Api):
    body = json.dumps(samples.EVALUATION)

    answer = operator.client.post("/api/tasks", body, content_type="application/json; charset=utf-8")

    assert answer.status_code == 201


@pytest.mark.parametrize(("path", "setting"), [("tasks", "TASK"), ("tasks/bulk", "BULK")])
def test_a_body_over_the_limit_is_refused(operator: Api, settings, path: str, setting: str):
    setattr(settings, f"MAX_{setting}_BODY_BYTES", 1000)

    answer = operator.post(path, b" " * 1001)

    assert answer.status_code == 413
    assert "1000 bytes" in answer.json()["detail"]


def test_a_body_of_unknown_length_is_limited_while_it_is_read(operator: Api, settings):
    settings.MAX_TASK_BODY_BYTES = 1000
    endless = io.BytesIO(b" " * 10_000_000)

    answer = _post_chunked(operator, endless)

    assert answer.status_code == 413
    assert endless.tell() < 1_000_000


def test_a_body_of_unknown_length_is_read_to_its_end(operator: Api):
    answer = _post_chunked(operator, io.BytesIO(json.dumps(samples.EVALUATION).encode()))

    assert answer.status_code == 201


def _post_chunked(api: Api, stream: io.BytesIO) -> Any:
    """What a WSGI server hands over for `Transfer-Encoding: chunked`: no length, a stream that ends."""
    environ: dict[str, Any] = {"wsgi.input": stream, "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    return api.client.post("/api/tasks", content_type="application/json", **environ)


def test_many_tasks_are_created_in_the_order_given(operator: Api):
    titles = [f"task {n}" for n in range(300)]

    answer = operator.post("tasks/bulk", {"tasks": [samples.EVALUATION | {"title": t} for t in titles]})

    assert answer.status_code == 201
    assert [task["title"] for task in answer.json()["tasks"]] == titles
    ids = {str(task.id): task.title for task in Task.objects.all()}
    assert ids == {task["id"]: task["title"] for task in answer.json()["tasks"]}
    assert TaskEvent.objects.count() == 300


def test_ten_thousand_tasks_fit_into_one_request(operator: Api):
    answer = operator.post("tasks/bulk", {"tasks": [samples.EVALUATION] * 10_000})

    assert answer.status_code == 201
    assert Task.objects.count() == 10_000


def test_one_task_more_does_not(operator: Api):
    answer = operator.post("tasks/bulk", {"tasks": [samples.EVALUATION] * 10_001})

    assert answer.status_code == 413
    assert "at most 10000" in answer.json()["detail"]


@pytest.mark.parametrize("count", [1, 3])
def test_one_wrong_task_among_many_stops_all_and_is_named(operator: Api, count: int):
    wrong = [samples.EVALUATION | {"priority": -1}, samples.EVALUATION | {"assigned_worker": "NOBODY"}]
    for task, field in zip(wrong, ["priority", "assigned_worker"], strict=True):
        answer = operator.post("tasks/bulk", {"tasks": [samples.EVALUATION] * (count - 1) + [task]})

        assert answer.status_code == 400
        [error] = answer.json()["errors"]
        assert (error["index"], error["field"]) == (count - 1, field)
    assert not Task.objects.exists()


def test_the_first_hundred_errors_are_enough(operator: Api):
    answer = operator.post("tasks/bulk", {"tasks": [1] * 5000})

    assert len(answer.json()["errors"]) == 100


def test_a_wrong_payload_is_answered_with_the_schema_that_was_expected(operator: Api):
    wrong = {"task_type": "evaluation", "payload": {"eval_type": "guess"}}
    schema = task_types.get("evaluation").schema.model_json_schema()

    one, many = operator.post("tasks", wrong), operator.post("tasks/bulk", {"tasks": [wrong, wrong]})

    assert one.json()["payload_schemas"] == many.json()["payload_schemas"] == {"evaluation": schema}


def test_a_payload_that_is_right_needs_no_schema_in_the_answer(operator: Api):
    answer = operator.post("tasks", samples.EVALUATION | {"priority": -1})

    assert "payload_schemas" not in answer.json()


@pytest.mark.parametrize("body", [{}, {"tasks": []}, {"tasks": {}}, {"tasks": [], "extra": 1}, {"task": []}])
def test_a_bulk_body_without_tasks_is_refused(operator: Api, body: dict[str, Any]):
    assert operator.post("tasks/bulk", body).status_code == 400


def test_a_worker_may_be_limited_to_some_task_types(operator: Api):
    Worker.objects.filter(pk="STRATEGIST").update(capabilities=["agent"])

    answer = operator.post("tasks", samples.EVALUATION | {"assigned_worker": "STRATEGIST"})

    assert answer.json()["errors"][0]["message"] == "STRATEGIST cannot run 'evaluation'"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
names = st.sampled_from([*samples.EVALUATION, "priority", "deadline", "parent", "depends_on", "max_cost_usd"])


class _Anything(BaseModel):
    model_config = {"extra": "allow"}


# The examples share one client and one transaction; each one counts what it added itself.
any_number_of_times = hypothesis_settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def stores_or_refuses(operator: Api, body: bytes) -> None:
    """Created or refused, never a server error; and what is refused is not stored."""
    before = Task.objects.count()
    answer = operator.post("tasks", body)
    assert answer.status_code in {201, 400}, answer.content
    assert Task.objects.count() - before == (answer.status_code == 201)
    if answer.status_code == 201:
        assert operator.get(f"tasks/{answer.json()['id']}").status_code == 200


@pytest.mark.slow
@any_number_of_times
@given(fields=st.dictionaries(names, json_values))
def test_any_fields_are_stored_or_refused(operator: Api, fields: dict[str, Any]):
    stores_or_refuses(operator, json.dumps(samples.EVALUATION | fields).encode())


@any_number_of_times
@given(body=st.binary(min_size=1))
def test_any_bytes_are_stored_or_refused(operator: Api, body: bytes):
    stores_or_refuses(operator, body)


@pytest.mark.slow
@any_number_of_times
@given(value=json_values)
def test_any_payload_is_stored_or_refused(operator: Api, monkeypatch: pytest.MonkeyPatch, value: Any):
    takes_all = task_types.TaskType("any", _Anything, print, "EXECUTOR", 60, 3, is_async=False)
    monkeypatch.setitem(task_types._types, "any", takes_all)

    stores_or_refuses(operator, json.dumps({"task_type": "any", "payload": {"value": value}}).encode())


def test_the_query_of_a_forged_host_is_refused(db):
    assert Client().get("/api/tasks", HTTP_HOST="elsewhere.example").status_code in {400, 401}
