"""`/api/tool-executions`: the record of calls, found by what one knows of them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from governance.access import tool_executions
from governance.access.tool_executions import Call
from tests.governance import samples
from tests.governance.api_client import Api


@pytest.fixture
def calls(db: None) -> dict[str, str]:
    """One that succeeded, one that failed, one that was refused."""
    task = samples.submit()
    sent = Call(
        "ANALYST", "http.request", {"url": "u", "token": "s3cret"}, task_id=task, service="example.org"
    )
    modelled = Call("EXECUTOR", "model.chat", service="openrouter", model="some/model")
    good = tool_executions.begin(sent, rule="allowed", within=timedelta(minutes=1))
    tool_executions.end(good, cost_usd=Decimal("0.000000125"))
    bad = tool_executions.begin(modelled, rule="allowed", within=timedelta(minutes=1))
    tool_executions.end(bad, error_message="HTTP 500: 100% wrong")
    refused = tool_executions.refuse(
        modelled, rule="breaker", error_message="circuit breaker openrouter refuses calls", failed=True
    )
    ids: dict[str, UUID] = {"good": good, "bad": bad, "refused": refused, "task": task}
    return {name: str(each) for name, each in ids.items()}


def found(client: Api, **query: Any) -> list[str]:
    return [row["id"] for row in client.get("tool-executions", **query).json()["tool_executions"]]


def newest_first(calls: dict[str, str], names: list[str]) -> list[str]:
    """As their ids say, which within a millisecond need not be the order in which they were made."""
    return sorted((calls[name] for name in names), reverse=True)


def test_tells_what_was_called_and_how_it_ended(operator: Api, calls: dict[str, str]):
    [row] = operator.get("tool-executions", status="succeeded").json()["tool_executions"]

    assert (row["worker_id"], row["tool_name"], row["service"]) == ("ANALYST", "http.request", "example.org")
    assert (row["cost_usd"], row["rule"], row["task_id"]) == ("0.000000125", "allowed", calls["task"])
    assert "arguments" not in row


def test_one_is_found_by_its_address_with_redacted_arguments(operator: Api, calls: dict[str, str]):
    [row] = operator.get("tool-executions", status="succeeded").json()["tool_executions"]

    detail = operator.get(row["url"].partition("/api/")[2]).json()

    assert detail["arguments"] == {"url": "u", "token": "[hidden]"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["refused", "bad", "good"]),
        ({"worker": "ANALYST"}, ["good"]),
        ({"tool": "model.chat,http.request", "status": "failed"}, ["refused", "bad"]),
        ({"service": "openrouter"}, ["refused", "bad"]),
        ({"model": "some/model", "error": "CIRCUIT BREAKER"}, ["refused"]),
        ({"error": "100%"}, ["bad"]),
        ({"error": "1__%"}, []),
        ({"status": "sent"}, []),
        ({"created_after": "2020-01-01T00:00:00Z"}, ["refused", "bad", "good"]),
        ({"created_before": "2020-01-01T00:00:00Z"}, []),
    ],
)
def test_filters(operator: Api, calls: dict[str, str], query: dict[str, str], names: list[str]):
    assert found(operator, **query) == newest_first(calls, names)


def test_those_of_a_task(operator: Api, calls: dict[str, str]):
    assert found(operator, task=calls["task"]) == [calls["good"]]


def test_pages_follow_one_another(operator: Api, calls: dict[str, str]):
    first = operator.get("tool-executions?limit=2").json()
    second = operator.get(first["next"].partition("/api/")[2]).json()

    ids = [row["id"] for page in (first, second) for row in page["tool_executions"]]
    assert ids == newest_first(calls, ["refused", "bad", "good"])
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "broken"}, "status"),
        ({"task": "task-id"}, "task"),
        ({"created_before": "yesterday"}, "created_before"),
        ({"error": "a\x00"}, "error"),
        ({"message": "x"}, "message"),
        ({"cursor": "x"}, "cursor"),
        ({"limit": 0}, "limit"),
    ],
)
def test_names_what_is_wrong(operator: Api, query: dict[str, Any], field: str):
    answer = operator.get("tool-executions", **query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
