"""What can be read through the API: lists, one task, its history, the workers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from governance.models import Task
from governance.tasks import services as tasks
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from governance.workers import heartbeats
from tests.governance import samples
from tests.governance.api_client import Api
from tests.ids import NOBODYS_ID


def ids_of(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [task["id"] for task in answer.json()["tasks"]]


def test_an_empty_list_is_a_list(operator: Api):
    assert operator.get("tasks").json() == {"tasks": [], "next": None}


def test_pages_hold_every_task_once_newest_first(operator: Api):
    created = [str(samples.submit()) for _ in range(7)]

    seen, address = [], "/api/tasks?limit=3&task_type=evaluation"
    while address:
        page = operator.client.get(address)
        seen += ids_of(page)
        assert len(page.json()["tasks"]) <= 3
        address = page.json()["next"]

    assert seen == sorted(created, reverse=True)


def test_a_full_last_page_has_no_next(operator: Api):
    samples.submit()

    assert operator.get("tasks", limit=1).json()["next"] is None


def test_a_page_costs_one_query_and_counts_nothing(operator: Api, django_assert_num_queries):
    samples.submit()

    with django_assert_num_queries(2) as queries:  # the token's, and the page's
        operator.get("tasks")

    assert "COUNT(" not in queries.captured_queries[-1]["sql"]


def test_a_list_shows_no_documents(operator: Api):
    samples.submit()

    [task] = operator.get("tasks").json()["tasks"]

    assert task["url"] == f"http://testserver/api/tasks/{task['id']}"
    assert not {"payload", "result"} & task.keys()


def test_filters_by_state_take_several(operator: Api):
    made = {status: str(samples.in_state(status)) for status in ("failed", "cancelled", "completed")}

    either = operator.client.get("/api/tasks?status=failed&status=cancelled")

    assert set(ids_of(either)) == {made["failed"], made["cancelled"]}
    assert set(ids_of(operator.get("tasks", status="failed,completed"))) == {
        made["failed"],
        made["completed"],
    }


def test_filters_by_what_a_task_is(operator: Api):
    parent = samples.submit()
    child = str(samples.submit(parent=str(parent), assigned_worker="EXECUTOR", idempotency_key="k"))

    assert ids_of(operator.get("tasks", parent=str(parent))) == [child]
    assert ids_of(operator.get("tasks", assigned_worker="EXECUTOR")) == [child]
    assert ids_of(operator.get("tasks", idempotency_key="k")) == [child]
    assert len(ids_of(operator.get("tasks", task_type="evaluation", created_by="command:tests"))) == 2
    assert ids_of(operator.get("tasks", task_type="other")) == []
    assert ids_of(operator.get("tasks", created_by="user:anna")) == []


def test_filters_by_time_of_creation(operator: Api):
    task_id = samples.submit()
    created = Task.objects.get(pk=task_id).created_at
    later = (created + timedelta(microseconds=1)).isoformat()

    assert ids_of(operator.get("tasks", created_after=created.isoformat())) == [str(task_id)]
    assert ids_of(operator.get("tasks", created_before=later)) == [str(task_id)]
    assert ids_of(operator.get("tasks", created_after=later)) == []
    assert ids_of(operator.get("tasks", created_before=created.isoformat())) == []


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ({"state": "failed"}, "state", "expected one of: status, task_type"),
        ({"status": "broken"}, "status", "'waiting_approval'"),
        ({"status": ""}, "status", "'pending'"),
        ({"parent": "first"}, "parent", "UUID"),
        ({"created_after": "yesterday"}, "created_after", "datetime"),
        ({"created_after": "2026-01-01T00:00:00"}, "created_after", "timezone"),
        ({"created_before": "0001-01-01T00:00:00Z"}, "created_before", "2000"),
        ({"task_type": "a\x00"}, "task_type", "U+0000"),
        ({"limit": "0"}, "limit", "1"),
        ({"limit": "201"}, "limit", "200"),
        ({"limit": ["1", "2"]}, "limit", "once"),
        ({"parent": [NOBODYS_ID, NOBODYS_ID]}, "parent", "once"),
        ({"cursor": "!"}, "cursor", "not a cursor"),
        ({"cursor": ""}, "cursor", "not a cursor"),
        ({"cursor": "AAAA"}, "cursor", "not a cursor"),
        ({"cursor": "é"}, "cursor", "not a cursor"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(
    operator: Api, query: dict[str, Any], field: str, said: str
):
    answer = operator.get("tasks", **query)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert said in error["message"]


PROMISED = {
    "id", "title", "task_type", "payload", "priority", "status", "assigned_worker", "attempts",
    "max_attempts", "run_after", "deadline", "timeout_seconds", "parent", "idempotency_key", "max_cost_usd",
    "result",
    "error_message", "created_by", "created_at", "started_at", "updated_at", "completed_at",
}  # fmt: skip


def test_a_task_shows_all_that_is_promised(operator: Api):
    task_id = samples.submit(max_cost_usd="0.10", deadline="2100-01-01T00:00:00+01:00")

    task = operator.get(f"tasks/{task_id}").json()

    assert task.keys() >= PROMISED
    assert (task["payload"], task["result"], task["parent"]) == (samples.METRIC, None, None)
    assert task["max_cost_usd"] == "0.1"
    assert task["deadline"] == "2099-12-31T23:00:00Z"
    assert task["events_url"] == f"{task['url']}/events"
    assert operator.client.get(task["children_url"]).status_code == 200


def test_a_completed_task_shows_its_result(operator: Api):
    task_id = samples.in_state("completed")

    task = operator.get(f"tasks/{task_id}").json()

    assert (task["status"], task["result"], task["attempts"]) == ("completed", {"passed": True}, 1)
    assert task["started_at"]
    assert task["completed_at"]


def test_a_late_result_stands_beside_the_task(operator: Api):
    task_id, process, token = samples.running()
    tasks.terminate([task_id], actor=samples.SYSTEM, reason="took too long")
    transitions.complete([AttemptReport(task_id, token, b'{"passed": 1e300}')], process_id=process)

    task = operator.get(f"tasks/{task_id}").json()

    assert (task["status"], task["error_message"]) == ("failed", "took too long")
    [late] = task["late_results"]
    assert (late["outcome"], late["found_status"], late["result"]) == (
        "completed",
        "failed",
        {"passed": 10**300},
    )


def test_a_row_typed_into_psql_is_shown_whatever_it_holds(operator: Api):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_tasks (task_type, payload)"
            " VALUES ('unheard of', '[1e400, null]') RETURNING id"
        )
        [(task_id,)] = cursor.fetchall()

    answer = operator.get(f"tasks/{task_id}")

    assert answer.status_code == 200
    assert b'"payload":[1' + b"0" * 400 in answer.content


@pytest.mark.parametrize("name", [NOBODYS_ID, "task-id", "%00", "1"])
@pytest.mark.parametrize("below", ["", "/events"])
def test_what_is_no_task_is_not_found(operator: Api, name: str, below: str):
    answer = operator.get(f"tasks/{name}{below}")

    assert answer.status_code == 404
    said = answer.json()["detail"]
    # What no server passes on leads nowhere at all.
    assert "no task has the id" in said or (name == "%00" and "there is nothing at" in said)


def test_history_is_told_in_order_and_in_pages(operator: Api):
    task_id = samples.in_state("completed")
    seen, address = [], f"/api/tasks/{task_id}/events?limit=2"
    while address:
        page = operator.client.get(address).json()
        seen += [(event["from_status"], event["to_status"], event["actor"]) for event in page["events"]]
        address = page["next"]

    assert seen == [
        ("", "pending", "command:tests"),
        ("pending", "in_progress", "ANALYST"),
        ("in_progress", "completed", "ANALYST"),
    ]


@pytest.mark.parametrize("query", [{"status": "failed"}, {"cursor": "AAAA"}, {"limit": "many"}])
def test_a_wrong_question_about_history_is_refused(operator: Api, query: dict[str, str]):
    assert operator.get(f"tasks/{samples.submit()}/events", **query).status_code == 400


def test_a_cursor_behind_the_end_of_history_finds_nothing(operator: Api):
    answer = operator.get(f"tasks/{samples.submit()}/events", cursor="_____w")

    assert answer.json() == {"events": [], "next": None}


def test_workers_are_shown_with_their_processes(operator: Api):
    process = uuid4()
    heartbeats.record_heartbeat(
        heartbeats.ProcessHeartbeat(
            process_id=process, worker_ids=["ANALYST", "EXECUTOR"], host="here", machine="m", pid=4711,
            born_at=datetime.now(UTC), state="running", in_flight=3, finished=5, rss_bytes=1, version="1",
        )
    )  # fmt: skip

    answer = operator.get("workers").json()["workers"]

    found = {worker["worker_id"]: worker["processes"] for worker in answer}
    assert set(found) == {"ANALYST", "EXECUTOR", "ORCHESTRATOR", "STRATEGIST", "WATCHDOG"}
    assert [p["process_id"] for p in found["ANALYST"]] == [p["process_id"] for p in found["EXECUTOR"]]
    assert found["ANALYST"][0]["process_id"] == str(process)
    assert found["STRATEGIST"] == []


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_the_index_names_the_task_types_with_their_payloads(operator: Api, path: str):
    index = operator.client.get(path).json()

    assert operator.client.get(index["tasks_url"]).status_code == 200
    assert operator.client.get(index["workers_url"]).status_code == 200
    [evaluation] = [kind for kind in index["task_types"] if kind["name"] == "evaluation"]
    assert evaluation["assigned_worker"] == "ANALYST"
    assert "metric_value" in evaluation["payload_schema"]["$defs"]["Metric"]["properties"]


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_the_index_is_not_for_strangers(nobody: Api, path: str):
    assert nobody.client.get(path).status_code == 401
