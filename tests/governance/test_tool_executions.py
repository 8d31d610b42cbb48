"""The record of calls: sent, refused, failed; one row each, without secrets."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from governance.access import tool_executions
from governance.access.tool_executions import Call
from governance.models import ToolExecution

pytestmark = pytest.mark.django_db
CALL = Call(
    "EXECUTOR", "http.request", {"url": "https://ann:pw@a.b", "token": "x"}, task_id=uuid4(), service="web"
)
MINUTE = timedelta(minutes=1)


def begun():
    return tool_executions.begin(CALL, rule="permission: EXECUTOR is allowed http.request", within=MINUTE)


def fetch(execution_id):
    return ToolExecution.objects.get(pk=execution_id)


def test_a_call_is_recorded_before_it_goes_out():
    row = fetch(begun())

    assert (row.status, row.worker_id, row.tool_name, row.task_id) == (
        "sent", "EXECUTOR", "http.request", CALL.task_id,
    )  # fmt: skip
    assert row.arguments == {"url": "https://[hidden]@a.b", "token": "[hidden]"}
    assert row.rule == "permission: EXECUTOR is allowed http.request"
    assert row.ended_at is None


def test_it_ends_well_with_its_cost_and_the_model_that_served():
    execution_id = begun()

    assert tool_executions.end(execution_id, cost_usd=Decimal("0.000000001"), model="gpt-x")

    row = fetch(execution_id)
    assert (row.status, row.error_message, row.model) == ("succeeded", "", "gpt-x")
    assert row.cost_usd == Decimal("0.000000001")
    assert row.duration_ms >= 0


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("rate limit exceeded", "rate limit exceeded"),
        ("", "failed without saying why"),
        ("api_key=x", "api_key=[hidden]"),
    ],
)
def test_or_badly_and_says_why(said, kept):
    execution_id = begun()

    tool_executions.end(execution_id, error_message=said)

    row = fetch(execution_id)
    assert (row.status, row.error_message) == ("failed", kept)


def test_it_ends_once():
    execution_id = begun()
    tool_executions.end(execution_id)

    assert not tool_executions.end(execution_id, error_message="late")
    assert fetch(execution_id).status == "succeeded"


def test_a_refused_call_names_the_rule():
    refused = tool_executions.refuse(
        CALL, rule="permission: EXECUTOR has none for it", error_message="not allowed"
    )

    row = fetch(refused)
    assert (row.status, row.rule, row.error_message) == (
        "refused", "permission: EXECUTOR has none for it", "not allowed",
    )  # fmt: skip
    assert row.ended_at is not None


def test_a_call_that_a_breaker_refused_is_found_by_the_runbook():
    said = "circuit breaker openrouter is open; next try at 12:00:05"
    tool_executions.refuse(CALL, rule="breaker: openrouter", error_message=said, failed=True)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT error_message FROM tool_executions WHERE error_message LIKE '%circuit breaker%'"
            " AND status = 'failed' AND created_at > NOW() - INTERVAL '1 hour'"
        )
        assert cursor.fetchall() == [(said,)]


def test_a_call_whose_worker_never_came_back_is_given_up():
    lost, ended = begun(), begun()
    tool_executions.end(ended)

    assert tool_executions.give_up_lost(timezone.now() + MINUTE) == 0
    assert tool_executions.give_up_lost(timezone.now() + 3 * MINUTE) == 1

    assert fetch(lost).error_message == "outcome unknown: its worker did not come back"
    assert fetch(ended).status == "succeeded"


def test_what_is_long_is_cut():
    refused = tool_executions.refuse(
        Call("EXECUTOR", "x", "y" * 100_000), rule="r" * 1_000, error_message="z" * 100_000
    )

    row = fetch(refused)
    assert len(row.rule) == tool_executions.MAX_RULE
    assert len(row.error_message) < 5_000
    assert len(row.arguments) < 3_000
